// The network behind the page, here in the page itself: the program of main_js.go
// in model.wasm, which tells probabilities and the part of the picture that it sees. The
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

// occlusion says which places speak for a class: those without which it is less probable
// (Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks). Each cell
// of a grid is covered with its surroundings by the picture's mean colour. It is null once
// ended() is true.
async function occlusion(classify, pixels, [channels, height, width], k, probability, ended) {
	const side = Math.min(7, height, width), plane = height * width;
	const means = Array.from({length: channels}, (_, c) => pixels.subarray(c * plane, (c + 1) * plane).reduce((sum, v) => sum + v) / plane);
	const drops = [];
	const edge = (at, cells, size) => Math.max(0, Math.min(Math.round(at / cells * size), size));
	for (let cell = 0; cell < side * side; cell++) {
		await new Promise((done) => setTimeout(done)); // the page stays alive
		if (ended()) return null;
		const [column, row] = [cell % side, Math.floor(cell / side)];
		const covered = pixels.slice();
		const [left, right] = [edge(column - 0.5, side, width), edge(column + 1.5, side, width)];
		for (let c = 0; c < channels; c++) {
			for (let y = edge(row - 0.5, side, height); y < edge(row + 1.5, side, height); y++) {
				covered.fill(means[c], c * plane + y * width + left, c * plane + y * width + right);
			}
		}
		drops.push(Math.max(0, probability - value(classify(covered))[k]));
	}
	const most = Math.max(...drops);
	return {channels: 1, height: side, width: side, pixels: Uint8Array.from(drops, (v) => most && Math.round(255 * v / most))};
}

export const backend = {
	token: "",

	async models() {
		const {classes, input, fit} = await network();
		return [{name: "model", classes, input, fit}];
	},

	async explain(_, picture) {
		const {classes, input, orientation, prepare, region, classify} = await network();
		const file = new Uint8Array(await picture.arrayBuffer());
		const stored = value(orientation(file));
		const turn = unturned(file) ? stored : 1;
		const drawn = await read(new Blob([file], {type: picture.type}));
		const shown = [drawn.data, drawn.width, drawn.height, turn];
		const pixels = value(prepare(...shown));
		const probabilities = Array.from(value(classify(pixels)));
		const most = Math.max(...probabilities), k = probabilities.indexOf(most);
		const [channels, height, width] = input, [left, top, right, bottom] = value(region(...shown));
		return {
			class: classes[k], classes, probabilities,
			picture: {channels, height, width, pixels: Uint8Array.from(pixels, (v) => Math.round(255 * v))},
			seen: {...size(drawn, turn), left, top, right, bottom},
			activate: (ended) => occlusion(classify, pixels, input, k, most, ended),
		};
	},
};

// size is that of a picture as it is shown.
function size({width, height}, turn) {
	return turn > 4 ? {width: height, height: width} : {width, height};
}
