// Unpacks the models of npm's nsfwjs 4.4.0 (MIT), whose files are JavaScript, and
// writes what TensorFlow.js 4.22 predicts of pictures:
//
//	NODE_PATH=… node nsfwjs.js FOLDER PICTURES MODEL…
//
// FOLDER/MODEL has model.json and its weights; x, the pictures, and y, the logits,
// float32 in (N,H,W,C) and (N,classes).
"use strict";
const fs = require("fs"), path = require("path");
console.warn = console.log = () => {}; // TensorFlow.js says how it could be faster
const tf = require("@tensorflow/tfjs");
const [folder, pictures, ...names] = process.argv.slice(2);
const models = path.join(require.resolve("nsfwjs").split(path.join("nsfwjs", "dist"))[0], "nsfwjs", "dist", "models");

function unpack(name) {
	const from = path.join(models, name), to = path.join(folder, name);
	fs.mkdirSync(to, {recursive: true});
	const model = require(path.join(from, "model.min.js"));
	fs.writeFileSync(path.join(to, "model.json"), JSON.stringify(model));
	const shards = model.weightsManifest.flatMap(g => g.paths).map(p => {
		const shard = Buffer.from(require(path.join(from, p + ".min.js")), "base64");
		fs.writeFileSync(path.join(to, p), shard);
		return shard;
	});
	const data = Buffer.concat(shards);
	return {...model, weightSpecs: model.weightsManifest.flatMap(g => g.weights), weightData: data.buffer.slice(data.byteOffset, data.byteOffset + data.length)};
}

// picture is a tensor in 0..1: waves of every size and direction, and noise.
function picture(shape, seed) {
	let state = seed;
	const uniform = () => (state = (state * 1103515245 + 12345) % 2147483648) / 2147483648; // an LCG
	const waves = Array.from({length: 12}, () => [uniform() - 0.5, uniform() - 0.5, 6.28 * uniform(), uniform() / 3].map((v, i) => i < 2 ? v * 2 ** (1 - 6 * uniform()) : v));
	const noise = 0.3 * uniform() ** 2, [h, w, c] = shape;
	return Float32Array.from({length: h * w * c}, (_, i) => {
		const k = i % c, x = Math.floor(i / c) % w, y = Math.floor(i / c / w);
		const v = waves.slice(3 * k, 3 * k + 6).reduce((sum, [a, b, phase, size]) => sum + size * Math.sin(a * x + b * y + phase), 0.5);
		return Math.min(1, Math.max(0, v + noise * (uniform() - 0.5)));
	});
}

// logits returns the function of a model without its SoftMax at the end.
async function logits(artifacts) {
	if (artifacts.format === "graph-model") {
		const model = await tf.loadGraphModel(tf.io.fromMemory(artifacts));
		const softMax = artifacts.modelTopology.node.find(n => n.op === "Softmax");
		return [model.inputs[0].shape.slice(1), x => model.execute(x, softMax.input[0])];
	}
	const copy = {...artifacts, modelTopology: JSON.parse(JSON.stringify(artifacts.modelTopology))};
	copy.modelTopology.model_config.config.layers.at(-1).config.activation = "linear";
	const model = await tf.loadLayersModel(tf.io.fromMemory(copy));
	return [model.inputs[0].shape.slice(1), x => model.predict(x)];
}

(async () => {
	await tf.setBackend("cpu");
	for (const name of names) {
		const [shape, predict] = await logits(unpack(name)), x = [], y = [];
		for (let i = 0; i < pictures; i++) {
			x.push(picture(shape, i + 1));
			y.push(tf.tidy(() => predict(tf.tensor(x[i], [1, ...shape])).dataSync()));
		}
		for (const [file, list] of [["x", x], ["y", y]]) {
			fs.writeFileSync(path.join(folder, name, file), Buffer.concat(list.map(a => Buffer.from(a.buffer, a.byteOffset, a.byteLength))));
		}
	}
})().catch(err => {
	console.error(err);
	process.exit(1);
});
