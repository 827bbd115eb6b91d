// Runs a program that export -to go has written, built for js and wasm:
//
//	node wasm.js WASM_EXEC MODEL PIXELS PICTURE WIDTH HEIGHT [ROUNDS]
//
// PIXELS is one image in float32, PICTURE the RGBA of another of the given size.
// Prints JSON: what the object tapenet has and answers, and with ROUNDS the
// milliseconds of one call in so many.
"use strict";
const fs = require("fs");
const [execJS, model, pixels, picture, width, height, rounds] = process.argv.slice(2);
globalThis.fs = fs;
require(execJS);

(async () => {
	const go = new Go();
	const {instance} = await WebAssembly.instantiate(fs.readFileSync(model), go.importObject);
	go.run(instance); // until the page is closed
	const t = globalThis.tapenet;
	const bytes = fs.readFileSync(pixels);
	const x = new Float32Array(new Uint8Array(bytes).buffer);
	const rgba = new Uint8ClampedArray(fs.readFileSync(picture));
	const prepared = t.prepare(rgba, Number(width), Number(height));
	const answer = {
		input: t.input, fit: t.fit, classes: t.classes,
		probabilities: Array.from(t.classify(x)),
		prepared: prepared instanceof Error ? prepared.message : Array.from(prepared),
		region: t.region(rgba, Number(width), Number(height)),
		errors: [
			t.classify(), t.classify("7"), t.classify(x.subarray(1)), t.classify(x.map(() => NaN)), t.prepare(rgba, 1, 1),
			t.prepare(rgba, -1, -rgba.length / 4), t.prepare(rgba, NaN, NaN), t.prepare(new Uint8ClampedArray(4), 1, 1), t.prepare(x, 1, 1),
			t.prepare(rgba, Number(width), Number(height), 9), t.orientation(), t.orientation(x), t.region(rgba, 1, 1), t.region(x, 1, 1),
		].map(e => e instanceof Error ? e.message : "no error"),
		again: Array.from(t.classify(x)), // after all that
	};
	if (rounds) {
		const began = process.cpuUsage().user;
		for (let i = 0; i < Number(rounds); i++) t.classify(x);
		answer.milliseconds = (process.cpuUsage().user - began) / 1e3 / Number(rounds);
	}
	console.log(JSON.stringify(answer));
	process.exit(0);
})();
