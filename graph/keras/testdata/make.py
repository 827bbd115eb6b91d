"""Makes Keras's files without Keras, and what PyTorch predicts with them:

    python3 make.py FOLDER SEED
    python3 make.py goldens.zip SEED  # all files of the folder in one

The JSON and the groups are the ones of Keras's saving code (saving_lib.py of
Keras 3, legacy_h5_format.py, hdf5_format.py of Keras 2.8). h5py writes the
weights with both versions of HDF5 and reads them again for PyTorch. h5py 3.7,
PyTorch 1.13 and NumPy 1.24 (Debian's) made goldens.zip with
seed 1; small.keras is out of it.
"""
import io
import json
import os
import re
import sys
import tempfile
import zipfile

import h5py
import numpy as np
import torch
import torch.nn.functional as F

target, seed = sys.argv[1], int(sys.argv[2])
folder = tempfile.mkdtemp() if target.endswith(".zip") else target
rng = np.random.default_rng(seed)


# A network is (class, name, layers, outputs); a layer is (class, name, config,
# inputs). A Sequential's layers have no inputs. A layer that is used twice has two
# lists of inputs, and its second output is called name:1.
def L(cls, name, inputs=None, **config):
    return [cls, name, config, inputs]


def shapes_of(cls, c, cin):
    """The weights of a layer in Keras's order, by Keras 2's names."""
    out = []
    if cls == "Conv2D":
        kh, kw = c["kernel_size"]
        out = [("kernel", (kh, kw, cin // c.get("groups", 1), c["filters"]))]
        n = c["filters"]
    elif cls == "DepthwiseConv2D":
        kh, kw = c["kernel_size"]
        out = [("depthwise_kernel", (kh, kw, cin, c["depth_multiplier"]))]
        n = cin * c["depth_multiplier"]
    elif cls == "SeparableConv2D":
        kh, kw = c["kernel_size"]
        out = [("depthwise_kernel", (kh, kw, cin, 1)), ("pointwise_kernel", (1, 1, cin, c["filters"]))]
        n = c["filters"]
    elif cls == "Conv2DTranspose":
        kh, kw = c["kernel_size"]
        out = [("kernel", (kh, kw, c["filters"], cin))]
        n = c["filters"]
    elif cls == "PReLU":
        return [("alpha", c["_alpha"])]
    elif cls == "Dense":
        out = [("kernel", (cin, c["units"]))]
        n = c["units"]
    elif cls == "BatchNormalization":
        names = (["gamma"] if c.get("scale", True) else []) + (["beta"] if c.get("center", True) else [])
        return [(k, (cin,)) for k in names + ["moving_mean", "moving_variance"]]
    else:
        return out
    return out + ([("bias", (n,))] if c.get("use_bias", True) else [])


def same(x, k, s, d, value=0.0):
    pads = []
    for i in (1, 0):
        n, size = x.shape[2 + i], (k[i] - 1) * d[i] + 1
        t = max((-(-n // s[i]) - 1) * s[i] + size - n, 0)
        pads += [t // 2, t - t // 2]
    return F.pad(x, pads, value=value)


def activate(x, name):
    if name == "softmax":
        return torch.softmax(x, 1)
    return {"linear": lambda v: v, "relu": torch.relu, "relu6": F.relu6, "swish": F.silu, "sigmoid": torch.sigmoid,
            "tanh": torch.tanh}[name or "linear"](x)


def convolve(x, k, b, c, groups, s=None):
    s, d = s or c.get("strides", [1, 1]), c.get("dilation_rate", [1, 1])
    if c.get("padding") == "same":
        x = same(x, k.shape[:2], s, d)
    return F.conv2d(x, k.permute(3, 2, 0, 1), b, s, 0, d, groups)


def run(cls, c, xs, w):
    """One layer in PyTorch, channels first; w by kind."""
    x, b = xs[0], w.get("bias")
    if cls == "Conv2D":
        return activate(convolve(x, w["kernel"], b, c, c.get("groups", 1)), c.get("activation"))
    if cls in ("DepthwiseConv2D", "SeparableConv2D"):
        k = w["depthwise_kernel"]
        x = convolve(x, k.reshape(k.shape[0], k.shape[1], 1, -1), b if cls[0] == "D" else None, c, x.shape[1])
        if cls[0] == "S":
            x = F.conv2d(x, w["pointwise_kernel"].permute(3, 2, 0, 1), b)
        return activate(x, c.get("activation"))
    if cls == "Conv2DTranspose":
        k, s, d = w["kernel"], c["strides"], c.get("dilation_rate", [1, 1])
        y = F.conv_transpose2d(x, k.permute(3, 2, 0, 1), None, s, dilation=d)
        for i in (0, 1):
            reach, n = (k.shape[i] - 1) * d[i] + 1, x.shape[2 + i]
            size, first = n * s[i] + max(reach - s[i], 0), 0
            if c["padding"] == "same":
                size, first = n * s[i], max(reach - s[i], 0) // 2
            y = F.pad(y, [0, 0, 0, s[i]] if i == 0 else [0, s[i]]).narrow(2 + i, first, size)
        return activate(y + b.reshape(-1, 1, 1), c.get("activation"))
    if cls == "PReLU":
        a = w["alpha"]
        return F.relu(x) + (a.permute(2, 0, 1) if a.dim() == 3 else a) * x.clamp(max=0)
    if cls == "Cropping2D":
        (t, bo), (le, r) = c["cropping"]
        return x[:, :, t:x.shape[2] - bo, le:x.shape[3] - r]
    if cls == "UpSampling2D":
        if c["interpolation"] == "bilinear":
            return F.interpolate(x, scale_factor=c["size"], mode="bilinear", align_corners=False)
        return x.repeat_interleave(c["size"][0], 2).repeat_interleave(c["size"][1], 3)
    if cls == "Dense":
        return activate(x @ w["kernel"] + (b if b is not None else 0), c.get("activation"))
    if cls == "BatchNormalization":
        return F.batch_norm(x, w["moving_mean"], w["moving_variance"], w.get("gamma"), w.get("beta"), False, 0, c["epsilon"])
    if cls == "MaxPooling2D":
        k, s = c["pool_size"], c["strides"]
        return F.max_pool2d(same(x, k, s, [1, 1], -np.inf) if c.get("padding") == "same" else x, k, s)
    if cls == "AveragePooling2D":
        return F.avg_pool2d(x, c["pool_size"], c["strides"])
    if cls == "GlobalAveragePooling2D":
        return x.mean((2, 3), keepdim=c.get("keepdims", False))
    if cls == "GlobalMaxPooling2D":
        return x.amax((2, 3), keepdim=c.get("keepdims", False))
    if cls == "ZeroPadding2D":
        (t, bo), (le, r) = c["padding"]
        return F.pad(x, [le, r, t, bo])
    if cls == "Flatten":
        return x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x
    if cls == "Reshape":
        flat = x.permute(0, 2, 3, 1).flatten(1) if x.dim() == 4 else x
        y = flat.reshape([-1] + c["target_shape"])
        return y.permute(0, 3, 1, 2) if y.dim() == 4 else y
    if cls == "ReLU":
        y = torch.where(x >= c.get("threshold", 0), x, c.get("negative_slope", 0) * (x - c.get("threshold", 0)))
        return y if c.get("max_value") is None else y.clamp(max=c["max_value"])
    if cls == "Rescaling":
        v = [torch.tensor(c[k], dtype=torch.float64).reshape(1, -1, 1, 1) for k in ("scale", "offset")]
        return x * v[0] + v[1]
    if cls == "Activation":
        return activate(x, c["activation"])
    if cls == "Add":
        return sum(xs)
    if cls == "Multiply":
        return xs[0] * xs[1]
    if cls == "Op":  # a function of two operands, of which one may be a number
        ops = [xs.pop(0) if v is None else torch.tensor(v, dtype=torch.float32).double() for v in c["_operands"]]
        ops = [v.reshape(-1, 1, 1) if v.dim() == 1 else v for v in ops]  # a number for each channel
        return {"add": torch.add, "subtract": torch.sub, "multiply": torch.mul, "divide": torch.div}[c["_op"]](*ops)
    if cls == "Concatenate":
        return torch.cat(xs, {-1: 1, 1: 2, 2: 3, 3: 1}[c["axis"]])
    return x  # InputLayer, Dropout, RandomFlip


class Net:
    def __init__(self, cls, name, layers, outputs=None, policy="float32"):
        self.cls, self.name, self.layers, self.policy = cls, name, layers, policy
        self.outputs = outputs or [self.names_of()[-1]]

    def names_of(self):
        return [unwrap(l).name if isinstance(unwrap(l), Net) else unwrap(l)[1] for l in self.layers]

    def all_outputs(self, x, weigh):
        """weigh(path of Nets, layer, channels) gives a layer's weights."""
        values, items = {}, dict(zip(self.names_of(), self.layers))

        def value(ref):
            name, _, use = ref.partition(":")
            if ref not in values:
                inputs = uses(items[name])
                xs = [value(i) for i in inputs[int(use or 0)]] if inputs else [x]
                values[ref] = apply(unwrap(items[name]), xs, weigh)
            return values[ref]
        if self.cls == "Functional":
            return [value(o) for o in self.outputs]
        for l in self.layers:
            x = apply(l, [x], weigh)
        return [x]

    def forward(self, x, weigh):
        return self.all_outputs(x, weigh)[0]


def apply(l, xs, weigh):
    if isinstance(l, Net):
        return l.forward(xs[0], lambda path, layer, cin: weigh([l] + path, layer, cin))
    return run(l[0], l[2], xs, weigh([], l, xs[0].shape[1]))


def uses(item):
    """The lists of a layer's inputs, one for each use."""
    inputs = item[1] if isinstance(item, tuple) else item[3]
    if not inputs:
        return []
    return inputs if isinstance(inputs[0], list) else [inputs]


def unwrap(l):
    return l[0] if isinstance(l, tuple) else l


def snake(name):
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def reference(name, *more):
    name, _, use = name.partition(":")
    return [name, int(use or 0), 0, *more]


def cls_of(l):
    return l.cls if isinstance(l, Net) else l[0]


def operator(e, l, three):
    """A function in place of a layer: its class in Keras 3, a TFOpLambda in Keras 2."""
    _, name, c, inputs = l
    inputs = list(inputs)
    if three:
        e.update(module="keras.src.ops.numpy", class_name=c["_op"].capitalize(), registered_name=None, config={"name": name})
        args = []
        for v in c["_operands"]:
            tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None], "dtype": "float32", "keras_history": reference(inputs.pop(0))}} if v is None else None
            args.append(tensor or ({"class_name": "__numpy__", "config": {"value": v, "dtype": "float32"}} if isinstance(v, list) else v))
        e["inbound_nodes"] = [{"args": args, "kwargs": {}}]
        return
    function = {"add": "__operators__.add", "divide": "math.truediv"}.get(c["_op"], "math." + c["_op"])
    e.update(class_name="TFOpLambda", config={"name": name, "trainable": True, "dtype": "float32", "function": function})
    first, second = [reference(inputs.pop(0)) if v is None else v for v in c["_operands"]]
    if c["_operands"][0] is not None:
        first = ["_CONSTANT_VALUE", -1, first]
    e["inbound_nodes"] = [first + [{"y": second, "name": None}]]


def config(net, three, policy=None):
    """The network's JSON, of Keras 3 or 2."""
    policy, layers = policy or net.policy, []
    for item in net.layers:
        l = unwrap(item)
        if isinstance(l, Net):
            e, name = config(l, three, policy), l.name
        else:
            cls, name, c, _ = l
            c = {k: v for k, v in dict(c, name=name, trainable=True).items() if k[0] != "_"}
            if cls == "InputLayer":
                c["batch_shape" if three else "batch_input_shape"] = c.pop("shape")
            c["dtype"] = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": policy}, "registered_name": None} if three else policy
            if not three and policy != "float32":
                c["dtype"] = {"class_name": "Policy", "config": {"name": policy}}
            e = {"class_name": cls, "config": c}
        if three:
            e.update(module="keras.layers", registered_name=None)
        if net.cls == "Functional":
            e["name"], e["inbound_nodes"] = name, []
            if cls_of(l) == "Op":
                operator(e, l, three)
                layers.append(e)
                continue
            for inputs in uses(item):
                tensors = [{"class_name": "__keras_tensor__", "config": {"shape": [None], "dtype": "float32", "keras_history": reference(i)}} for i in inputs]
                if three:
                    e["inbound_nodes"].append({"args": [tensors] if len(tensors) > 1 else tensors, "kwargs": {}})
                else:
                    e["inbound_nodes"].append([reference(i, {}) for i in inputs])
        layers.append(e)
    c = {"name": net.name, "trainable": True, "layers": layers}
    if net.cls == "Functional":
        outputs = [reference(o) for o in net.outputs]
        c["input_layers"], c["output_layers"] = [reference(net.names_of()[0])], (outputs[0] if three and len(outputs) == 1 else outputs)
    return {"class_name": net.cls, "config": c}


def every(net, x):
    """Runs the network once with new weights, and lists them: (Nets, layer, [(kind, values)])."""
    made, known = [], {}

    def weigh(path, layer, cin):
        if id(layer) in known:
            return known[id(layer)]
        ws = []
        for kind, shape in shapes_of(layer[0], layer[2], cin):
            v = rng.uniform(0.3, 2, shape) if "variance" in kind else rng.uniform(-0.6, 0.7, shape)
            ws.append((kind, v.astype(np.float32)))
        made.append((path, layer, ws))
        known[id(layer)] = {k: torch.tensor(v, dtype=torch.float64) for k, v in ws}
        return known[id(layer)]
    net.all_outputs(x, weigh)
    return made


def write_h5(path, net, made, three, **how):
    """legacy_h5_format.py, or hdf5_format.py of Keras 2."""
    with h5py.File(path, "w", **how) as f:
        f.attrs["keras_version"] = ("3.4.0" if three else "2.8.0").encode()
        f.attrs["backend"] = b"tensorflow"
        text = json.dumps(config(net, three))
        f.attrs["model_config"] = text.encode() if three else text
        f.attrs["training_config"] = json.dumps({"loss": "categorical_crossentropy"}).encode()
        g = f.create_group("model_weights")
        g.attrs["layer_names"] = [n.encode() for n in net.names_of()]
        g.attrs["backend"] = b"tensorflow"
        for top in sorted(net.names_of()):
            sub = g.create_group(top)
            mine = [m for m in made if (m[0][0].name if m[0] else m[1][1]) == top]
            names = []
            pairs = [(p, l, k, v) for p, l, ws in mine for k, v in ws]
            pairs.sort(key=lambda t: "moving" in t[2])  # trainable ones are first
            for p, layer, kind, v in pairs:
                if three:
                    if layer[0] == "DepthwiseConv2D":
                        kind = kind.replace("depthwise_", "")
                    name = "/".join([net.name] + [q.name for q in p] + [layer[1], kind])
                else:
                    name = layer[1] + "/" + kind + ":0"
                sub.create_dataset(name, data=v)
                names.append(name.encode())
            sub.attrs["weight_names"] = names
        if three:
            g.create_group("top_level_model_weights").attrs["weight_names"] = np.array([], dtype="S1")


def saved(net, prefix, out):
    """Where saving_lib.py has the layers."""
    used = {}
    for item in net.layers:
        l = unwrap(item)
        name = snake(l.cls if isinstance(l, Net) else l[0])
        used[name] = used.get(name, -1) + 1
        if used[name]:
            name += "_%d" % used[name]
        where = prefix + "layers/" + name
        if isinstance(l, Net):
            saved(l, where + "/", out)
        else:
            out[id(l)] = where
    return out


def write_keras(path, net, made, dtype, packed, **how):
    places, memory = saved(net, "", {}), io.BytesIO()
    with h5py.File(memory, "w", **how) as f:
        for _, layer, ws in made:
            g = f.create_group(places[id(layer)] + "/vars")
            for i, (_, v) in enumerate(ws):
                if dtype == "bfloat16":  # two bytes without a type, rounded down
                    v = np.frombuffer((np.ascontiguousarray(v).view(np.uint32) >> 16).astype("<u2").tobytes(), "V2").reshape(v.shape)
                    g.create_dataset(str(i), data=v).attrs["dtype"] = "bfloat16"
                    continue
                v = v.astype(dtype)
                if packed and v.size > 8:
                    g.create_dataset(str(i), data=v, chunks=tuple(max(1, n // 2) for n in v.shape), compression="gzip", shuffle=True)
                else:
                    g[str(i)] = v
            if layer[0].startswith("Random"):
                f.create_dataset(places[id(layer)] + "/seed_generator/vars/0", data=np.array([1, 2], np.uint32))
        f.create_group("optimizer/vars")["0"] = np.int64(7)
        f.create_group("vars")
    with zipfile.ZipFile(path, "w") as z:
        for name, text in [("metadata.json", {"keras_version": "3.4.0"}), ("config.json", config(net, True))]:
            z.writestr(zipfile.ZipInfo(name), json.dumps(text))
        z.writestr(zipfile.ZipInfo("model.weights.h5"), memory.getvalue())


def read_back(path, net, made):
    """The weights as h5py reads them from the file, in the order of Keras's loading."""
    read = {}
    if path.endswith(".keras"):
        places = saved(net, "", {})
        with zipfile.ZipFile(path) as z, h5py.File(io.BytesIO(z.read("model.weights.h5")), "r") as f:
            for _, layer, ws in made:
                for i, (kind, _) in enumerate(ws):
                    v = f[places[id(layer)]]["vars"][str(i)]
                    if v.attrs.get("dtype") == "bfloat16":
                        read[id(layer), kind] = (np.frombuffer(v[()].tobytes(), "<u2").astype(np.uint32) << 16).view(np.float32).reshape(v.shape)
                    else:
                        read[id(layer), kind] = v[()]
        return read
    with h5py.File(path, "r") as f:
        for top in f["model_weights"].attrs["layer_names"]:
            g = f["model_weights"][top]
            values = [g[n][()] for n in g.attrs["weight_names"]]
            mine = [m for m in made if (m[0][0].name if m[0] else m[1][1]) == top]
            pairs = [(l, k) for _, l, ws in mine for k, _ in ws]
            pairs.sort(key=lambda t: "moving" in t[1])
            assert len(values) == len(pairs)
            for (l, k), v in zip(pairs, values):
                read[id(l), k] = v
    return read


def plain():
    return Net("Sequential", "sequential", [
        L("InputLayer", "input_1", shape=[None, 9, 8, 3]),
        L("Rescaling", "rescaling", scale=0.5, offset=-0.25),
        L("RandomFlip", "random_flip", mode="horizontal", seed=None),
        L("ZeroPadding2D", "zero_padding2d", padding=[[0, 1], [1, 0]]),
        L("Conv2D", "conv2d", filters=4, kernel_size=[3, 2], strides=[2, 1], padding="valid", activation="relu", groups=1),
        L("BatchNormalization", "batch_normalization", axis=[3], epsilon=0.001, momentum=0.9),
        L("DepthwiseConv2D", "depthwise_conv2d", kernel_size=[3, 3], depth_multiplier=2, padding="same", strides=[1, 1], activation="linear"),
        L("ReLU", "re_lu", max_value=2.0, negative_slope=0.1, threshold=0.0),
        L("SeparableConv2D", "separable_conv2d", filters=5, kernel_size=[3, 3], padding="same", strides=[2, 2], activation="swish"),
        L("BatchNormalization", "batch_normalization_1", axis=-1, epsilon=0.01, scale=False),
        L("MaxPooling2D", "max_pooling2d", pool_size=[2, 3], strides=[1, 2], padding="same"),
        L("ReLU", "re_lu_1", max_value=None, negative_slope=0.0, threshold=0.05),
        L("Flatten", "flatten"),
        L("Dropout", "dropout", rate=0.3),
        L("Dense", "dense", units=12, activation="tanh"),
        L("Reshape", "reshape", target_shape=[2, 2, 3]),
        L("Conv2D", "conv2d_1", filters=3, kernel_size=[1, 2], padding="same", activation="linear", use_bias=False),
        L("GlobalMaxPooling2D", "global_max_pooling2d"),
        L("Dense", "dense_1", units=3, activation="softmax"),
    ])


def branches(name="model"):
    return Net("Functional", name, [
        L("InputLayer", name + "_input", shape=[None, 8, 8, 3]),
        L("Conv2D", "stem", [name + "_input"], filters=4, kernel_size=[3, 3], strides=[2, 2], padding="same", activation="relu"),
        L("Conv2D", "left", ["stem"], filters=4, kernel_size=[1, 3], padding="same", activation="linear"),
        L("BatchNormalization", "left_bn", ["left"], axis=3, epsilon=0.001),
        L("GlobalAveragePooling2D", "squeeze", ["left_bn"], keepdims=True),
        L("Conv2D", "excite", ["squeeze"], filters=4, kernel_size=[1, 1], activation="sigmoid"),
        L("Multiply", "scaled", ["left_bn", "excite"]),
        L("Add", "add", ["stem", "scaled"]),
        L("AveragePooling2D", "pool", ["stem"], pool_size=[2, 2], strides=[2, 2]),
        L("MaxPooling2D", "pool_1", ["add"], pool_size=[2, 2], strides=[2, 2]),
        L("Concatenate", "concat", ["pool", "pool_1"], axis=-1),
        L("ReLU", name + "_out", ["concat"], max_value=6.0),
    ])


def nested():
    return Net("Sequential", "sequential_3", [
        L("InputLayer", "input_9", shape=[None, 8, 8, 3]),
        Net("Sequential", "sequential_1", [L("InputLayer", "input_8", shape=[None, 8, 8, 3]), branches("features"), L("GlobalAveragePooling2D", "gap")]),
        Net("Sequential", "sequential_2", [
            L("InputLayer", "input_7", shape=[None, 8]),
            L("Dense", "dense", units=6, activation="relu"),
            L("Dense", "dense_1", units=2, activation="softmax", use_bias=False)]),
    ])


def shared_names():
    """Two networks inside with layers of the same names, within a functional one."""
    head = lambda name: Net("Sequential", name, [L("InputLayer", name + "_in", shape=[None, 4]), L("Dense", "dense", units=3, activation="relu")])
    return Net("Functional", "outer", [
        L("InputLayer", "in", shape=[None, 4]),
        (head("one"), ["in"]),
        (head("two"), ["in"]),
        L("Add", "add", ["one", "two"]),
        L("Dense", "dense", ["add"], units=2, activation="linear"),
    ])


def larger():
    """Layers that change an image's size, PReLU, layers that are used twice, two outputs, an open size."""
    twice = Net("Sequential", "twice", [
        L("InputLayer", "twice_in", shape=[None, None, None, 4]),
        L("Conv2D", "conv2d", filters=4, kernel_size=[2, 2], padding="same", activation="linear"),
        L("PReLU", "p_re_lu", shared_axes=[1, 2], _alpha=(1, 1, 4))])
    return Net("Functional", "larger", [
        L("InputLayer", "image", shape=[None, None, None, 3], _size=[5, 6]),
        L("Conv2DTranspose", "up", ["image"], filters=4, kernel_size=[3, 2], strides=[2, 3], padding="same", activation="relu"),
        L("Conv2DTranspose", "up_1", ["image"], filters=4, kernel_size=[2, 4], strides=[3, 2], padding="valid", activation="linear"),
        L("Conv2DTranspose", "up_2", ["image"], filters=4, kernel_size=[3, 2], strides=[1, 1], dilation_rate=[2, 3], padding="valid", activation="linear"),
        L("Cropping2D", "crop", ["up_1"], cropping=[[2, 3], [4, 0]]),
        L("UpSampling2D", "nearest", ["up_2"], size=[2, 1], interpolation="nearest"),
        L("Cropping2D", "crop_1", ["nearest"], cropping=[[4, 4], [0, 0]]),
        L("Cropping2D", "crop_2", ["up"], cropping=[[0, 0], [4, 5]]),
        L("UpSampling2D", "linear", ["image"], size=[2, 3], interpolation="bilinear"),
        (twice, [["crop"], ["crop_1"]]),
        L("Conv2D", "again", [["twice"], ["crop_2"], ["again:1"]], filters=4, kernel_size=[3, 3], padding="same", activation="tanh"),
        L("GlobalAveragePooling2D", "gap", ["again"]),
        L("GlobalMaxPooling2D", "gap_1", [["twice:1"], ["again:2"], ["linear"]]),
        L("Concatenate", "all", ["gap", "gap_1", "gap_1:1", "gap_1:2"], axis=-1),
        L("PReLU", "p_re_lu", ["all"], shared_axes=None, _alpha=(15,)),
        L("Dense", "first", ["p_re_lu"], units=3, activation="softmax"),
        L("Dense", "second", ["p_re_lu"], units=2, activation="sigmoid"),
    ], ["first", "second", "all"], "mixed_float16")


def operators():
    """Functions in place of layers, as Keras's MobileNetV3 and EfficientNet have them."""
    op = lambda name, op, inputs, *operands: L("Op", name, inputs, _op=op, _operands=list(operands))
    return Net("Functional", "operators", [
        L("InputLayer", "image", shape=[None, 4, 5, 3]),
        op("scaled", "multiply", ["image"], None, [2.1, 2.2, 1.5]),
        L("Conv2D", "conv", ["scaled"], filters=3, kernel_size=[2, 2], activation="linear"),
        op("add", "add", ["conv"], None, 3.0),
        L("ReLU", "re_lu", ["add"], max_value=6.0),
        op("multiply", "multiply", ["re_lu"], None, 0.16666666666666666),
        L("Multiply", "hard_swish", ["conv", "multiply"]),
        op("turned", "subtract", ["hard_swish"], 1.0, None),
        op("difference", "subtract", ["turned", "conv"], None, None),
        op("quotient", "divide", ["difference"], None, 2.0),
        op("inverse", "divide", ["add"], 1.0, None),
        op("sum", "add", ["quotient", "inverse"], None, None),
        L("Flatten", "flatten", ["sum"]),
        L("Dense", "dense", ["flatten"], units=2, activation="linear"),
    ])


def main():
    for name, make in [("plain", plain), ("branches", branches), ("nested", nested), ("shared_names", shared_names), ("larger", larger), ("operators", operators)]:
        net = make()
        first = unwrap(net.layers[0])[2]
        shape = [*first["_size"], first["shape"][-1]] if "_size" in first else first["shape"][1:]
        x = torch.tensor(rng.uniform(-1, 1, [2] + (shape[2:] + shape[:2] if len(shape) == 3 else shape)).astype(np.float32), dtype=torch.float64)
        made = every(net, x)
        goldens = {"x": x.flatten().tolist(), "shape": list(x.shape[1:]), "files": {}, "others": {}}
        for libver in ["earliest", "latest"]:
            for kind in ["keras", "2.h5", "3.h5"]:
                file = "%s_%s.%s" % (name, libver, kind)
                path = os.path.join(folder, file)
                if kind == "keras":
                    half = "bfloat16" if name == "larger" else np.float16
                    write_keras(path, net, made, half if libver == "latest" else np.float32, libver == "latest", libver=libver)
                else:
                    write_h5(path, net, made, kind == "3.h5", libver=libver)
                read = read_back(path, net, made)
                ys = net.all_outputs(x, lambda p, l, cin: {k: torch.tensor(read[id(l), k], dtype=torch.float64) for k, _ in shapes_of(l[0], l[2], cin)})
                goldens["files"][file] = ys[0].flatten().tolist()
                goldens["others"][file] = {o: y.flatten().tolist() for o, y in list(zip(net.outputs, ys))[1:]}
        with open(os.path.join(folder, name + ".json"), "w") as out:
            json.dump(goldens, out)


main()
if target != folder:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as z:
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as f:
                z.writestr(zipfile.ZipInfo(name), f.read(), zipfile.ZIP_DEFLATED)
