// Makes models with all layers that package tfjs reads, and what TensorFlow.js
// itself predicts with them:
//
//	NODE_PATH=… node make.js FOLDER SEED
//
// npm's @tensorflow/tfjs, version 4.22.0, made the files beside this with seed 1.
"use strict";
const fs = require("fs"), path = require("path");
console.warn = console.log = () => {}; // TensorFlow.js says how it could be faster
const tf = require("@tensorflow/tfjs");
const [folder, seed] = process.argv.slice(2);

let state = Number(seed);
const uniform = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648; // an LCG
const random = (shape, lo, hi) => tf.tensor(Float32Array.from({length: shape.reduce((a, b) => a * b, 1)}, () => lo + (hi - lo) * uniform()), shape);

// randomised gives all weights values that matter; variances are positive.
function randomised(model) {
	for (const layer of model.layers) {
		layer.setWeights(layer.weights.map(w => w.name.includes("variance") ? random(w.shape, 0.3, 2) : random(w.shape, -0.6, 0.7)));
	}
	return model;
}

const sequential = layers => randomised(tf.sequential({layers}));
const l = tf.layers;
const models = {
	layers: () => sequential([
		l.conv2d({inputShape: [11, 12, 2], filters: 4, kernelSize: 3, strides: 2, padding: "same", activation: "relu"}),
		l.batchNormalization(),
		l.conv2d({filters: 3, kernelSize: 2, dilationRate: 2, useBias: false, activation: "elu"}),
		l.batchNormalization({scale: false, epsilon: 0.01}),
		l.leakyReLU({alpha: 0.2}),
		l.zeroPadding2d({padding: [[1, 2], [0, 3]]}),
		l.maxPooling2d({poolSize: 3, strides: 2, padding: "same"}),
		l.averagePooling2d({poolSize: 2, strides: 1, padding: "same"}),
		l.flatten(),
		l.dropout({rate: 0.4}),
		l.batchNormalization({center: false}),
		l.dense({units: 6, activation: "tanh"}),
		l.activation({activation: "sigmoid"}),
		l.dense({units: 3, activation: "softmax"}),
	]),
	mobile: () => sequential([
		l.inputLayer({inputShape: [9, 9, 3]}),
		l.zeroPadding2d({padding: [[0, 1], [0, 1]]}),
		l.depthwiseConv2d({kernelSize: 3, strides: 2, depthMultiplier: 2, padding: "valid", useBias: false}),
		l.reLU({maxValue: 6}),
		l.separableConv2d({filters: 5, kernelSize: 3, padding: "same", activation: "swish"}),
		l.zeroPadding2d({padding: 1}),
		l.conv2d({filters: 4, kernelSize: 2}),
		l.dense({units: 4, activation: "relu6"}),
		l.globalAveragePooling2d({}),
		l.dense({units: 4}),
		l.softmax(),
	]),
	functional: () => {
		const input = tf.input({shape: [6, 5, 3]});
		let x = l.conv2d({filters: 4, kernelSize: 3}).apply(input);
		x = l.reLU().apply(x);
		x = l.elu().apply(x);
		x = l.flatten().apply(x);
		return randomised(tf.model({inputs: input, outputs: l.dense({units: 2, activation: "sigmoid"}).apply(x)}));
	},
	vectors: () => sequential([
		l.dense({inputShape: [7], units: 5, activation: "softmax"}),
		l.dense({units: 4, activation: "gelu"}),
	]),
	trained: async () => {
		const model = tf.sequential({layers: [
			l.conv2d({inputShape: [8, 8, 1], filters: 3, kernelSize: 3, activation: "relu"}),
			l.batchNormalization(),
			l.maxPooling2d({}),
			l.flatten(),
			l.dense({units: 2, activation: "softmax"}),
		]});
		model.compile({optimizer: tf.train.adam(0.05), loss: "categoricalCrossentropy"});
		const x = random([40, 8, 8, 1], 0, 1), left = x.slice([0, 0, 0, 0], [40, 8, 4, 1]).mean([1, 2, 3]).greater(x.mean([1, 2, 3]));
		await model.fit(x, tf.oneHot(left.toInt(), 2), {epochs: 5, verbose: 0});
		return model;
	},
};

// graphs are graph models, as lists of [name, op, inputs, settings, constant].
const strided = [1, 2, 2, 1], ones = [1, 1, 1, 1];
const window = (strides, padding, more) => ({strides, padding, data_format: "NHWC", dilations: ones, ...more});
const graphs = {
	// Convolutions, fused and not, with what surrounds them.
	graph: () => [
		["x", "Placeholder", [], {shape: [-1, 9, 8, 3]}],
		["two", "Const", random([], 2, 2)], ["one", "Const", random([1], 1, 1)],
		["twice", "Mul", ["two", "x"]], ["centred", "Sub", ["twice", "one"]],
		["k1", "Const", random([3, 3, 3, 6], -0.6, 0.7)], ["b1", "Const", random([6], -0.6, 0.7)],
		["conv", "Conv2D", ["centred", "k1"], window(strided, "SAME")],
		["biased", "BiasAdd", ["conv", "b1"]], ["relu6", "Relu6", ["biased"]],
		["k2", "Const", random([2, 3, 6, 2], -0.6, 0.7)],
		["depthwise", "DepthwiseConv2dNative", ["relu6", "k2"], window(ones, "VALID")],
		...["gamma", "beta", "mean"].map(n => [n, "Const", random([12], -0.6, 0.7)]), ["variance", "Const", random([12], 0.3, 2)],
		["norm", "FusedBatchNormV3", ["depthwise", "gamma", "beta", "mean", "variance"], {epsilon: 0.01, is_training: false}],
		["leaky", "LeakyRelu", ["norm:0", "^conv"], {alpha: 0.25}],
		["paddings", "Const", whole([4, 2], [0, 0, 1, 2, 0, 1, 0, 0])], ["minus", "Const", random([], -0.5, -0.4)],
		["padded", "PadV2", ["leaky", "paddings", "minus"]],
		["k3", "Const", random([2, 2, 12, 5], -0.6, 0.7)], ["b3", "Const", random([5], -0.6, 0.7)], ["a3", "Const", random([5], 0, 0.5)],
		["prelu", "_FusedConv2D", ["padded", "k3", "b3", "a3"], window(ones, "EXPLICIT", {explicit_paddings: [0, 0, 1, 0, 0, 2, 0, 0], fused_ops: ["BiasAdd", "Prelu"], num_args: 2})],
		["k4", "Const", random([3, 3, 5, 1], -0.6, 0.7)], ["b4", "Const", random([5], -0.6, 0.7)],
		["fused", "FusedDepthwiseConv2dNative", ["prelu", "k4", "b4"], window(ones, "SAME", {fused_ops: ["BiasAdd", "Relu"], num_args: 1})],
		["sigmoid", "Sigmoid", ["fused"]], ["swish", "Mul", ["fused", "sigmoid"]],
		["axes", "Const", whole([2], [1, 2])], ["squeezed", "Mean", ["swish", "axes"], {keep_dims: true}],
		["k5", "Const", random([1, 1, 5, 5], -0.6, 0.7)], ["b5", "Const", random([5], -0.6, 0.7)],
		["excited", "_FusedConv2D", ["squeezed", "k5", "b5"], window(ones, "VALID", {fused_ops: ["BiasAdd", "Sigmoid"], num_args: 1})],
		["scaled", "Mul", ["swish", "excited"]], ["sum", "AddV2", ["scaled", "prelu"]], ["difference", "Sub", ["sum", "swish"]],
		["max", "MaxPool", ["difference"], window(strided, "SAME", {ksize: [1, 3, 2, 1]})],
		["avg", "AvgPool", ["difference"], window(strided, "SAME", {ksize: [1, 3, 2, 1]})],
		["axis", "Const", whole([], [-1])], ["joined", "ConcatV2", ["max", "avg", "axis"], {N: 2}],
		["pooled", "Mean", ["joined", "axes"], {keep_dims: false}],
		["k6", "Const", random([10, 4], -0.6, 0.7)], ["b6", "Const", random([4], -0.6, 0.7)],
		["dense", "_FusedMatMul", ["pooled", "k6", "b6"], {transpose_a: false, transpose_b: false, fused_ops: ["BiasAdd"], num_args: 1}],
		["softmax", "Softmax", ["dense"]], ["Identity", "Identity", ["softmax"]],
	],
	// Shapes, arithmetic and other sizes of images.
	shapes: () => [
		["x", "Placeholder", [], {shape: [-1, -1, 6, 2]}],
		["c", "Const", random([1, 1, 1, 2], 0.5, 2)], ["limit", "Const", random([], 0.6, 0.6)],
		["cut", "Minimum", ["x", "limit"]], ["max", "Maximum", ["cut", "low"]], ["low", "Const", random([], -0.8, -0.8)],
		["quotient", "RealDiv", ["max", "c"]], ["from", "Sub", ["c", "quotient"]],
		["pixel", "Const", random([6, 2], -0.6, 0.7)], ["placed", "Add", ["pixel", "from"]],
		["shape", "Shape", ["placed"]], ["at0", "Const", whole([1], [0])], ["at1", "Const", whole([1], [1])],
		["batch", "StridedSlice", ["shape", "at0", "at1", "at1"], {shrink_axis_mask: 1}],
		["n", "Const", whole([], [-1])], ["flat", "Pack", ["batch", "n"], {axis: 0}],
		["vector", "Reshape", ["placed", "flat"]],
		["place", "Const", random([60], -0.6, 0.7)], ["moved", "Mul", ["vector", "place"]],
		["k", "Const", random([12, 60], -0.6, 0.7)], ["b", "Const", random([12], -0.6, 0.7)],
		["product", "MatMul", ["moved", "k"], {transpose_a: false, transpose_b: true}], ["biased", "BiasAdd", ["product", "b"]],
		["elu", "Elu", ["biased"]], ["tanh", "Tanh", ["biased"]], ["relu", "Relu", ["biased"]], ["all", "AddN", ["elu", "tanh", "relu"]],
		["square", "Square", ["all"]], ["small", "Const", random([], 0.1, 0.1)], ["positive", "AddV2", ["square", "small"]],
		["sqrt", "Sqrt", ["positive"]], ["rsqrt", "Rsqrt", ["positive"]], ["exp", "Exp", ["tanh"]], ["erf", "Erf", ["all"]], ["neg", "Neg", ["erf"]],
		["q", "RealDiv", ["exp", "sqrt"]], ["p", "Mul", ["neg", "rsqrt"]], ["r", "Sub", ["q", "p"]],
		["to", "Const", whole([4], [-1, 2, 3, 2])], ["image", "Reshape", ["r", "to"]],
		["size", "Const", whole([2], [5, 4])],
		["linear", "ResizeBilinear", ["image", "size"], {align_corners: false, half_pixel_centers: true}],
		["corners", "ResizeBilinear", ["image", "size"], {align_corners: true, half_pixel_centers: false}],
		["plain", "ResizeBilinear", ["image", "size"], {align_corners: false, half_pixel_centers: false}],
		["nearest", "ResizeNearestNeighbor", ["image", "size"], {align_corners: false, half_pixel_centers: false}],
		["slopes", "Const", random([1, 1, 2], 0, 0.5)], ["prelu", "Prelu", ["plain", "slopes"]],
		["rows", "Const", whole([], [1])], ["joined", "ConcatV2", ["linear", "corners", "prelu", "nearest", "rows"], {N: 4}],
		["axes", "Const", whole([2], [1, 2])], ["largest", "Max", ["joined", "axes"], {keep_dims: true}],
		["squeezed", "Squeeze", ["largest"], {squeeze_dims: [1, 2]}],
		["pads", "Const", whole([4, 2], [0, 0, 1, 0, 0, 2, 0, 0])], ["padded", "Pad", ["joined", "pads"]],
		["out", "Reshape", ["padded", "flat"]],
	],
};

// whole is a tensor of int32.
function whole(shape, values) { return tf.tensor(values, shape, "int32"); }

// graphDef is a graph as tensorflowjs_converter writes it. outputs are in the order
// of the signature.
function graphDef(list, outputs) {
	const base64 = s => Buffer.from(s).toString("base64");
	const setting = (name, v) => {
		if (name === "shape") return {shape: {dim: v.map(d => ({size: String(d)}))}};
		if (Array.isArray(v)) return {list: typeof v[0] === "string" ? {s: v.map(base64)} : {i: v.map(String)}};
		if (typeof v === "string") return {s: base64(v)};
		if (typeof v === "boolean") return {b: v};
		return Number.isInteger(v) ? {i: String(v)} : {f: v};
	};
	const weightSpecs = [], parts = [];
	const node = list.map(([name, op, input, attr]) => {
		if (op !== "Const") return {name, op, input, attr: {T: {type: "DT_FLOAT"}, ...(op === "Placeholder" && {dtype: {type: "DT_FLOAT"}}), ...Object.fromEntries(Object.entries(attr || {}).map(([k, v]) => [k, setting(k, v)]))}};
		weightSpecs.push({name, shape: input.shape, dtype: input.dtype});
		parts.push(Buffer.from(input.dataSync().buffer.slice(0)));
		const type = input.dtype === "int32" ? "DT_INT32" : "DT_FLOAT";
		return {name, op, attr: {dtype: {type}, value: {tensor: {dtype: type, tensorShape: {dim: input.shape.map(d => ({size: String(d)}))}}}}};
	});
	const data = Buffer.concat(parts);
	return {
		format: "graph-model", generatedBy: "2.15.0", convertedBy: "TensorFlow.js Converter v4.22.0", modelTopology: {node, versions: {producer: 1}},
		signature: {inputs: {x: {name: "x:0"}}, outputs: Object.fromEntries(outputs.map(name => [name, {name: name + ":0", dtype: "DT_FLOAT"}]))},
		weightSpecs, weightData: data.buffer.slice(data.byteOffset, data.byteOffset + data.length),
	};
}

// quantised replaces each float32 weight by integers or float16, by turns.
function quantised(artifacts) {
	const data = new Uint8Array(artifacts.weightData);
	let at = 0;
	const parts = artifacts.weightSpecs.map((spec, i) => {
		const n = spec.shape.reduce((a, b) => a * b, 1), x = new Float32Array(data.slice(at, at += 4 * n).buffer);
		const dtype = ["uint8", "uint16", "float16"][i % 3];
		if (dtype === "float16") {
			spec.quantization = {dtype, original_dtype: "float32"};
			return new Uint8Array(Uint16Array.from(x, half).buffer);
		}
		const min = Math.min(...x), scale = (Math.max(...x) - min) / (dtype === "uint8" ? 255 : 65535) || 1;
		spec.quantization = {dtype, min, scale, original_dtype: "float32"};
		const q = x.map(v => Math.round((v - min) / scale));
		return new Uint8Array((dtype === "uint8" ? Uint8Array : Uint16Array).from(q).buffer);
	});
	const whole = Buffer.concat(parts);
	artifacts.weightData = whole.buffer.slice(whole.byteOffset, whole.byteOffset + whole.length);
	return artifacts;
}

// half is a number of float16's normal range, cut off.
function half(v) {
	const bits = new Uint32Array(Float32Array.of(v).buffer)[0];
	const exponent = (bits >>> 23 & 255) - 112;
	return exponent <= 0 ? 0 : bits >>> 16 & 0x8000 | exponent << 10 | bits >>> 13 & 1023;
}

async function write(name, model, change, shards) {
	let artifacts;
	await model.save(tf.io.withSaveHandler(async a => (artifacts = a, {modelArtifactsInfo: {dateSaved: new Date(0), modelTopologyType: "JSON"}})));
	artifacts = change(artifacts);
	const judge = await tf.loadLayersModel(tf.io.fromMemory(artifacts));
	const x = random([3, ...judge.inputs[0].shape.slice(1)], -1, 1);
	save(name, artifacts, shards, x, judge.predict(x));
}

async function writeGraph(name, outputs, height) {
	const artifacts = graphDef(graphs[name](), outputs), judge = await tf.loadGraphModel(tf.io.fromMemory(artifacts));
	const x = random([3, ...judge.inputs[0].shape.slice(1).map(d => d < 0 ? height : d)], -1, 1);
	save(name, artifacts, 1, x, judge.execute({x}, outputs[0]));
}

function save(name, artifacts, shards, x, y) {
	const dir = path.join(folder, name), data = Buffer.from(artifacts.weightData), size = Math.ceil(data.length / shards);
	fs.mkdirSync(dir, {recursive: true});
	const paths = Array.from({length: shards}, (_, i) => `group1-shard${i + 1}of${shards}.bin`);
	paths.forEach((p, i) => fs.writeFileSync(path.join(dir, p), data.subarray(i * size, (i + 1) * size)));
	fs.writeFileSync(path.join(dir, "model.json"), JSON.stringify({
		format: artifacts.format, generatedBy: artifacts.generatedBy, convertedBy: artifacts.convertedBy || null, signature: artifacts.signature,
		modelTopology: artifacts.modelTopology, weightsManifest: [{paths, weights: artifacts.weightSpecs}],
	}));
	const rounded = t => Array.from(t.dataSync());
	fs.writeFileSync(path.join(dir, "golden.json"), JSON.stringify({shape: x.shape.slice(1), x: rounded(x), y: rounded(y)}));
}

(async () => {
	await tf.setBackend("cpu");
	const same = a => a;
	for (const name of Object.keys(models)) await write(name, await models[name](), same, name === "layers" ? 3 : 1);
	await write("quantised", models.layers(), quantised, 2);
	await writeGraph("graph", ["Identity", "pooled"]);
	await writeGraph("shapes", ["out", "squeezed"], 5);
})().catch(err => {
	console.error(err);
	process.exit(1);
});
