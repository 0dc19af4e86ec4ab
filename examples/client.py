import json, socket, sys

awaitd = socket.socket(socket.AF_UNIX)
awaitd.connect(sys.argv[1] if len(sys.argv) > 1 else "/run/awaitd.sock")
jobs = [{"plugin": "wait", "params": {"seconds": 1}, "count": 10}]
params = {"jobs": jobs, "follow": "each"}
awaitd.sendall(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "batch.submit", "params": params}).encode())
awaitd.shutdown(socket.SHUT_WR)  # that was all we ask; what we asked for still comes
for line in awaitd.makefile():
    print(line, end="")
