"""The same waits in plain asyncio: COUNT sleeps of SECONDS at once. Prints one line of JSON."""

import asyncio
import json
import sys
import time


async def main(count, seconds):
    loop = asyncio.get_running_loop()
    late = []

    async def wait():
        begin = loop.time()
        await asyncio.sleep(seconds)
        late.append(loop.time() - begin - seconds)

    begin = time.monotonic()
    await asyncio.gather(*(wait() for _ in range(count)))
    wall = time.monotonic() - begin
    late.sort()
    last = len(late) - 1
    print(json.dumps({"wall": wall, "late": {"p50": late[last // 2], "p99": late[int(last * 0.99)],
                                             "max": late[last]}}))


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
