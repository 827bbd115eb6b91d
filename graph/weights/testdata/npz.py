"""Writes numpy.npz, arrays of every kind that LoadNPZ reads, with NumPy 1.24;
with a file's name checks that one, which TestNumPyReads has written."""
import sys

import numpy as np

if len(sys.argv) > 1:
    with np.load(sys.argv[1]) as f:
        assert sorted(f.files) == ["__metadata__", "conv2d/weight", "scalar", "wide"], f.files
        assert str(f["__metadata__"]) == '{"classes":"[\\"ä\\"]"}', f["__metadata__"]
        assert f["conv2d/weight"].dtype == np.float32 and f["conv2d/weight"].tolist() == [[1, 2, 3], [4, 5, 6]]
        assert f["wide"].dtype == np.float64 and f["wide"].tolist() == [0.1]
        assert f["scalar"].shape == () and f["scalar"] == 7
else:
    counting = np.arange(24).reshape(2, 3, 4)
    np.savez_compressed(
        "numpy.npz",
        single=counting.astype("<f4"),
        columns=np.asfortranarray(counting.astype("<f4")),
        big=counting.astype(">f8"),
        half=np.array([0, -0.0, 1, -2.5, 65504, 6e-8, 6.1e-5, np.inf], dtype="f2"),
        scalar=np.float32(7),
        vector=np.array([0.1, 0.2]),
    )
