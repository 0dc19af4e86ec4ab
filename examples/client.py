import json, os, socket

awaitd = socket.socket(socket.AF_UNIX)
awaitd.connect(os.environ.get("AWAITD_SOCKET", "/run/awaitd.sock"))
jobs = [{"plugin": "wait", "params": {"seconds": 1}, "count": 10}]
params = {"jobs": jobs, "follow": "each"}
request = {"jsonrpc": "2.0", "id": 1, "method": "batch.submit", "params": params}
awaitd.sendall(json.dumps(request).encode())
awaitd.shutdown(socket.SHUT_WR)  # that was all we ask; what we asked for still comes
for line in awaitd.makefile():
    print(line, end="")
