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
	const x = random([3, ...judge.inputs[0].shape.slice(1)], -1, 1), y = judge.predict(x);
	const dir = path.join(folder, name), data = Buffer.from(artifacts.weightData), size = Math.ceil(data.length / shards);
	fs.mkdirSync(dir, {recursive: true});
	const paths = Array.from({length: shards}, (_, i) => `group1-shard${i + 1}of${shards}.bin`);
	paths.forEach((p, i) => fs.writeFileSync(path.join(dir, p), data.subarray(i * size, (i + 1) * size)));
	fs.writeFileSync(path.join(dir, "model.json"), JSON.stringify({
		format: "layers-model", generatedBy: artifacts.generatedBy, convertedBy: null,
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
})().catch(err => {
	console.error(err);
	process.exit(1);
});
