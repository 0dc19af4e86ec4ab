#!/usr/bin/python3
"""The peer for HTTP: GETs of one URL with aiohttp, so many at once. Prints their rate.

    peer_aiohttp.py URL COUNT AT_ONCE
"""

import asyncio
import json
import sys
import time

import aiohttp


async def get(session, url):
    async with session.get(url) as response:
        assert response.status == 200
        return len(await response.read())


async def main(url, count, at_once):
    connector = aiohttp.TCPConnector(limit=at_once)
    async with aiohttp.ClientSession(connector=connector) as session:
        begin = time.monotonic()
        sizes = await asyncio.gather(*(get(session, url) for _ in range(count)))
        print(json.dumps({"wall": time.monotonic() - begin, "bytes": sum(sizes)}))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
