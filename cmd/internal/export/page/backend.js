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

// read gives a picture's ImageData, as it is shown.
async function read(picture) {
	const bitmap = await createImageBitmap(picture);
	const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
	context.drawImage(bitmap, 0, 0);
	return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

// unturned hides the EXIF data of a WebP file: some browsers obey their orientation,
// others do not. It leaves other files alone, whose orientation all browsers obey.
function unturned(file) {
	const text = (at) => String.fromCharCode(...file.subarray(at, at + 4));
	if (text(0) !== "RIFF" || text(8) !== "WEBP") return false;
	const view = new DataView(file.buffer);
	for (let at = 12, size; at + 8 <= file.length; at += 8 + size + size % 2) { // the chunks
		size = view.getUint32(at + 4, true);
		if (text(at) === "EXIF") file[at] = "_".charCodeAt(0);
	}
	return true;
}

export const backend = {
	token: "",

	async models() {
		return [{name: "model", classes: (await network()).classes}];
	},

	async explain(_, picture) {
		const {classes, input: [channels, height, width], orientation, prepare, classify} = await network();
		const file = new Uint8Array(await picture.arrayBuffer());
		const stored = value(orientation(file));
		const turn = unturned(file) ? stored : 1;
		const drawn = await read(new Blob([file], {type: picture.type}));
		const pixels = value(prepare(drawn.data, drawn.width, drawn.height, turn));
		const probabilities = Array.from(value(classify(pixels)));
		return {
			class: classes[probabilities.indexOf(Math.max(...probabilities))], classes, probabilities,
			picture: {channels, height, width, pixels: Uint8Array.from(pixels, (v) => Math.round(255 * v))},
		};
	},
};
