"""Reads a repository of kvsync that is not encrypted, and holds every byte of it against its hashes. Written from
docs/repository-format.md alone. Prints a JSON line for each snapshot, and one for each of its entries.

usage: read_repository.py FOLDER"""
import base64, hashlib, json, pathlib, sys
import zstandard

root = pathlib.Path(sys.argv[1])
sha256 = lambda data: hashlib.sha256(data).hexdigest()
lines = lambda data: [json.loads(line) for line in data.split(b"\n") if line]

def unframe(frame, base=None):
    raw = base and zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdDecompressor(dict_data=raw).decompressobj().decompress(frame)

def sealed(path):
    stored = path.read_bytes()
    assert sha256(stored) == path.name, f"{path} is damaged"
    return unframe(stored)

raw = (root / "config.json").read_bytes()
config = json.loads(raw)
assert config["kvsync"] == "repository" and config["version"] == 1 and config["encryption"] is None
assert sha256(raw[: raw.rindex(b',"sha256":')]) == config["sha256"], "config.json is damaged"

places = {}  # the first 16 bytes of an item's SHA-256: [(pack, offset and length of the block, of the item in it, base)]
for path in (root / "index").iterdir():
    for line in lines(sealed(path)):
        if "pack" in line:
            pack = root / "packs" / line["pack"][:2] / line["pack"]
            continue
        ids, offset = base64.b64decode(line["ids"]), 0
        for n, size in enumerate(line["sizes"] if pack.exists() else []):
            place = (pack, line["at"], line["stored"], offset, size, line.get("base"))
            places.setdefault(ids[n * 16 : n * 16 + 16], []).append(place)
            offset += size

def item(digest, may_have_base=True):
    for pack, at, stored, offset, size, base in places.get(bytes.fromhex(digest)[:16], []):
        if base is None or may_have_base:
            with pack.open("rb") as file:
                file.seek(at)
                block = unframe(file.read(stored), base and item(base, False))
            if sha256(block[offset : offset + size]) == digest:
                return block[offset : offset + size]
    raise AssertionError(f"{digest} is in no pack that can be read")

for path in sorted((root / "snapshots").iterdir()):
    snapshot, leaves, total, count, last = json.loads(sealed(path)), b"", hashlib.sha256(b"\2"), 0, b""
    print(json.dumps({"snapshot": path.name, "source": snapshot["source"]["label"], "complete": snapshot["complete"]}))
    for page in snapshot["pages"]:
        for line in item(page["id"]).split(b"\n")[:-1]:
            entry = json.loads(line)
            key, size, expiration = entry["key"].encode(), entry["size"], entry.get("expiration", 0)
            assert key > last and len(item(entry["sha256"])) == size, f"{key} is out of order or has another size"
            # The text of the metadata as it stands there: it is the last property.
            metadata = line[line.index(b',"metadata":') + 12 : -1] if "metadata" in entry else b""
            leaf = b"\0" + len(key).to_bytes(4, "big") + size.to_bytes(8, "big") + expiration.to_bytes(8, "big")
            leaf += bytes(["metadata" in entry]) + len(metadata).to_bytes(4, "big") + key
            leaves += hashlib.sha256(leaf + bytes.fromhex(entry["sha256"]) + metadata).digest()
            if int.from_bytes(hashlib.sha256(key).digest()[:4], "big") % 1024 == 0:
                leaves = total.update(hashlib.sha256(b"\1" + leaves).digest()) or b""
            last, count = key, count + 1
            print(json.dumps(entry))
    total.update(hashlib.sha256(b"\1" + leaves).digest() if leaves else b"")
    assert (total.hexdigest(), count) == (snapshot["root"], snapshot["entries"]), f"{path.name}: another root"
