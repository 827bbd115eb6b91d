"""Makes HDF5 files with all that package hdf5 reads, and says what is in them:

    python3 make.py FOLDER        # the files beside this
    python3 make.py FOLDER large  # larger ones too, which a test makes anew

h5py 3.7 with HDF5 1.10.8 (Debian's python3-h5py) made them.
Each dataset of a file holds value(i) at its element i; contents.json has the
shapes, and the strings of the attributes.
"""
import gzip
import json
import os
import sys

import h5py
import numpy as np


def values(shape, dtype):
    n = int(np.prod(shape, dtype=int))
    return (((np.arange(n) * 7919) % 1021 - 510) / 64).astype(dtype).reshape(shape)


class File:
    def __init__(self, path, libver, **more):
        self.f = h5py.File(path, "w", libver=libver, **more)
        self.contents = {"datasets": {}, "attributes": {}}

    def data(self, name, shape, dtype="f4", **more):
        self.f.create_dataset(name, data=values(shape, dtype), **more)
        self.contents["datasets"][name] = [list(shape), np.dtype(dtype).name]

    def attribute(self, where, name, value):
        self.f[where].attrs[name] = value
        plain = value if isinstance(value, list) else [value]
        plain = [v.decode() if isinstance(v, bytes) else v for v in plain]
        self.contents["attributes"].setdefault(where, {})[name] = plain


def everything(f):
    """What both versions of the format have."""
    f.data("scalar", ())
    for dtype in ["f2", "f4", "f8"]:
        f.data("plain/" + dtype, (3, 4, 2), dtype)
    f.data("deep/er/and/deeper", (5,))
    f.data("chunks/one", (5, 3), chunks=(5, 3))
    f.data("chunks/one_filtered", (5, 3), chunks=(5, 3), compression="gzip", shuffle=True)
    f.data("chunks/edges", (7, 5, 3), chunks=(2, 3, 2))
    f.data("chunks/deflate", (20, 11), chunks=(6, 4), compression="gzip")
    f.data("chunks/all", (20, 11), "f8", chunks=(6, 4), compression="gzip", shuffle=True, fletcher32=True)
    f.data("chunks/checked", (9, 5), "f2", chunks=(4, 2), fletcher32=True)
    f.data("chunks/shuffled", (9, 5), chunks=(4, 2), shuffle=True)
    f.data("chunks/grows", (23, 5), chunks=(2, 2), maxshape=(None, 5))
    f.data("chunks/grows_second", (3, 61), chunks=(1, 2), maxshape=(7, None), compression="gzip")
    f.data("chunks/grows_both", (13, 7), chunks=(2, 2), maxshape=(None, None))
    f.data("chunks/grows_both_filtered", (13, 7), chunks=(2, 2), maxshape=(None, None), compression="gzip")
    f.data("chunks/may_grow", (4, 5), chunks=(2, 2), maxshape=(12, 15))
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    v = values((6,), "f4")
    d = h5py.h5d.create(f.f.id, b"compact", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((6,)), compact)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, v)
    f.contents["datasets"]["compact"] = [[6], "float32"]
    early = h5py.h5p.create(h5py.h5p.DATASET_CREATE)  # allocated at once, not filtered: an implicit index
    early.set_chunk((2, 2))
    early.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    d = h5py.h5d.create(f.f.id, b"implicit", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((5, 3)), early)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, values((5, 3), "f4"))
    f.contents["datasets"]["implicit"] = [[5, 3], "float32"]
    f.attribute("/", "varying", "a string of variable length, é")
    f.attribute("/", "long", "".join(chr(97 + i * i % 26) for i in range(5000)))
    f.attribute("/", "bytes", b"ascii")
    f.attribute("plain", "names", [b"a", b"second", b"the third one"])
    f.attribute("plain", "varying_names", ["x", "", "zwei"])
    f.f["plain"].attrs["number"] = 3.5
    f.f["plain"].attrs["flag"] = True


def many(f):
    """Groups of many members and objects of many attributes."""
    for i in range(70):
        f.data("many/layer_%03d" % i, (2,))
    for i in range(20):
        f.attribute("many", "attribute_%d" % i, [("value %d of many" % i).encode()])


def large(f):
    """Trees of several levels: more chunks and members than a node has."""
    f.data("tree", (1500,), chunks=(1,), compression="gzip")
    f.data("paged", (1100, 2), chunks=(1, 2))
    f.data("extensible", (1500,), chunks=(1,), maxshape=(None,))
    f.data("plane", (40, 30), chunks=(1, 1), maxshape=(None, None))


def main(folder):
    all_contents = {}
    for libver in ["earliest", "latest"]:
        for name, make in [("everything", everything), ("many", many)]:
            path = "%s_%s.h5" % (name, libver)
            f = File(os.path.join(folder, path), libver)
            make(f)
            f.f.close()
            all_contents[path] = f.contents
    f = File(os.path.join(folder, "userblock.h5"), "earliest", userblock_size=512)
    f.data("x", (3,))
    f.f.close()
    all_contents["userblock.h5"] = f.contents
    if len(sys.argv) > 2:  # large files, which are not kept
        for libver in ["earliest", "latest"]:
            path = "large_%s.h5" % libver
            f = File(os.path.join(folder, path), libver)
            large(f)
            for i in range(1500):
                f.data("wide/a_member_with_a_long_name_%04d" % i, (1,))
            for i in range(300):
                f.attribute("wide", "attribute_%d" % i, ["x" * i + "y"])
            if libver == "latest":  # more than the 64 KB that a header may have
                f.attribute("wide", "huge", [b"%04d" % i * 20 for i in range(1000)])
            f.f.close()
            all_contents[path] = f.contents
    for path in all_contents:  # most of the files are zeros
        path = os.path.join(folder, path)
        with open(path, "rb") as plain, open(path + ".gz", "wb") as out:
            out.write(gzip.compress(plain.read(), 9, mtime=0))
        os.remove(path)
    with open(os.path.join(folder, "contents.json"), "w") as out:
        json.dump(all_contents, out, separators=(",", ":"))


main(sys.argv[1])
