// The network behind the page, here in the page itself: the program of main_js.go
// in model.wasm, which tells probabilities and the picture as it sees it. The
// folder may come from any server of files, which is asked for nothing else.

import "./wasm_exec.js"; // Go's own, makes Go

export class TokenNeeded extends Error {} // for the page, which may have a server

let started;

// network is the program's object.
function network() {
	started ??= (async () => {
		const go = new Go();
		const response = await fetch("model.wasm");
		if (!response.ok) throw new Error("model.wasm does not come: status " + response.status + ".");
		const {instance} = await WebAssembly.instantiate(await response.arrayBuffer(), go.importObject);
		go.run(instance); // until the page is closed
		return globalThis.tapenet;
	})();
	return started;
}

// value is what a function of the program's returns, which does not throw.
function value(result) {
	if (result instanceof Error) throw result;
	return result;
}

// read gives a picture's ImageData.
async function read(picture) {
	const bitmap = await createImageBitmap(picture);
	const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
	context.drawImage(bitmap, 0, 0);
	return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

export const backend = {
	token: "",

	async models() {
		return [{name: "model", classes: (await network()).classes}];
	},

	async explain(_, picture) {
		const {classes, input: [channels, height, width], prepare, classify} = await network();
		const drawn = await read(picture);
		const pixels = value(prepare(drawn.data, drawn.width, drawn.height));
		const probabilities = Array.from(value(classify(pixels)));
		return {
			class: classes[probabilities.indexOf(Math.max(...probabilities))], classes, probabilities,
			picture: {channels, height, width, pixels: Uint8Array.from(pixels, (v) => Math.round(255 * v))},
		};
	},
};
