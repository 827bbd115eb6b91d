// Builds a network as Teachable Machine does for images, and writes what
// TensorFlow.js 4.22 predicts of two pictures:
//
//	NODE_PATH=… node teachable.js FOLDER
//
// The network's files are model.json, weights.bin and metadata.json. x0 and x1 are
// pictures, bytes of (H,W,3), wider and taller than the network's images; y are the
// logits of the squares in their middle, float32, prepared as the library
// @teachablemachine/image does.
"use strict";
const fs = require("fs"), path = require("path");
console.warn = console.log = () => {}; // TensorFlow.js says how it could be faster
const tf = require("@tensorflow/tfjs");
const [folder] = process.argv.slice(2), size = 224, classes = 3;

let state = 1;
const uniform = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648; // an LCG
const l = tf.layers;

// features is MobileNetV2 of width 0.35 without its top, with Keras's names.
function features() {
	const eight = v => Math.max(8, Math.floor((v * 0.35 + 4) / 8) * 8);
	const input = tf.input({shape: [size, size, 3], name: "input_1"});
	const norm = (x, name) => l.batchNormalization({axis: 3, epsilon: 0.001, momentum: 0.999, name}).apply(x);
	const relu6 = (x, name) => l.reLU({maxValue: 6, name}).apply(x);
	const half = (x, name) => l.zeroPadding2d({padding: [[0, 1], [0, 1]], name}).apply(x);
	const pixels = (x, filters, name) => l.conv2d({filters, kernelSize: 1, padding: "same", useBias: false, name}).apply(x);
	let x = half(input, "Conv1_pad"), channels = eight(32), block = 0;
	x = l.conv2d({filters: channels, kernelSize: 3, strides: 2, padding: "valid", useBias: false, name: "Conv1"}).apply(x);
	x = relu6(norm(x, "bn_Conv1"), "Conv1_relu");
	for (const [expansion, width, count, first] of [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]]) {
		for (let i = 0; i < count; i++, block++) {
			const strides = i ? 1 : first, before = x, name = block ? `block_${block}_` : "expanded_conv_", filters = eight(width);
			if (block) x = relu6(norm(pixels(x, expansion * channels, name + "expand"), name + "expand_BN"), name + "expand_relu");
			if (strides === 2) x = half(x, name + "pad");
			x = l.depthwiseConv2d({kernelSize: 3, strides, padding: strides === 1 ? "same" : "valid", useBias: false, name: name + "depthwise"}).apply(x);
			x = relu6(norm(x, name + "depthwise_BN"), name + "depthwise_relu");
			x = norm(pixels(x, filters, name + "project"), name + "project_BN");
			if (channels === filters && strides === 1) x = l.add({name: name + "add"}).apply([before, x]);
			channels = filters;
		}
	}
	x = relu6(norm(pixels(x, 1280, "Conv_1"), "Conv_1_bn"), "out_relu");
	return tf.model({inputs: input, outputs: x, name: "model1"});
}

// randomised gives all weights values that keep the numbers near 1.
function randomised(model) {
	const ranges = {gamma: [0.7, 1.4], beta: [-0.3, 0.4], mean: [-0.3, 0.3], variance: [0.5, 1.5], bias: [-0.2, 0.2]};
	model.setWeights(model.weights.map(w => {
		const kind = Object.keys(ranges).find(k => w.name.endsWith(k)), count = w.shape.reduce((a, b) => a * b, 1);
		const fan = w.name.includes("depthwise") ? 9 : count / w.shape.at(-1);
		const [lo, hi] = kind ? ranges[kind] : [-1.7, 1.75].map(v => v / Math.sqrt(fan));
		return tf.tensor(Float32Array.from({length: count}, () => lo + (hi - lo) * uniform()), w.shape);
	}));
}

const artifacts = async model => {
	let a;
	await model.save(tf.io.withSaveHandler(async b => (a = b, {modelArtifactsInfo: {dateSaved: new Date(0), modelTopologyType: "JSON"}})));
	return a;
};

(async () => {
	await tf.setBackend("cpu");
	const body = tf.sequential({name: "sequential_1"}), model = tf.sequential({name: "sequential_4"});
	body.add(features());
	body.add(l.globalAveragePooling2d({name: "global_average_pooling2d_GlobalAveragePooling2D1"}));
	model.add(body);
	model.add(tf.sequential({name: "sequential_3", layers: [
		l.dense({inputShape: [1280], units: 100, activation: "relu", useBias: true, name: "dense_Dense1"}),
		l.dense({units: classes, activation: "softmax", useBias: false, name: "dense_Dense2"}),
	]}));
	randomised(model);
	const a = await artifacts(model);
	fs.writeFileSync(path.join(folder, "weights.bin"), Buffer.from(a.weightData));
	fs.writeFileSync(path.join(folder, "model.json"), JSON.stringify({modelTopology: a.modelTopology, weightsManifest: [{paths: ["weights.bin"], weights: a.weightSpecs}]}));
	fs.writeFileSync(path.join(folder, "metadata.json"), JSON.stringify({
		tfjsVersion: "1.3.1", tmVersion: "2.4.10", packageVersion: "0.8.4-alpha2", packageName: "@teachablemachine/image",
		timeStamp: "2026-01-01T00:00:00.000Z", userMetadata: {}, modelName: "tm-my-image-model", labels: ["Katze", "Hund", "none of both"], imageSize: size,
	}));
	const plain = JSON.parse(JSON.stringify(a.modelTopology).replace('"activation":"softmax"', '"activation":"linear"'));
	const judge = await tf.loadLayersModel(tf.io.fromMemory({...a, modelTopology: plain}));
	const y = [[size, size + 60], [size + 32, size]].map(([h, w], k) => {
		const x = Uint8Array.from({length: h * w * 3}, (_, i) => {
			const c = i % 3, column = Math.floor(i / 3) % w, row = Math.floor(i / 3 / w);
			return Math.round(127.5 + 90 * Math.sin((k + 1) * column / (9 + 4 * c) + row / (30 - 5 * c)) + 74 * (uniform() - 0.5));
		});
		fs.writeFileSync(path.join(folder, "x" + k), x);
		return tf.tidy(() => {
			const square = tf.tensor3d(x, [h, w, 3], "int32").slice([(h - size) / 2, (w - size) / 2, 0], [size, size, 3]);
			return judge.predict(square.expandDims(0).toFloat().div(tf.scalar(127)).sub(tf.scalar(1))).dataSync();
		});
	});
	fs.writeFileSync(path.join(folder, "y"), Buffer.concat(y.map(a => Buffer.from(a.buffer, a.byteOffset, a.byteLength))));
})().catch(err => {
	console.error(err);
	process.exit(1);
});
