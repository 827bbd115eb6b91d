// The page: what is drawn goes to the network, what it says is shown.

import {backend, TokenNeeded} from "./backend.js";
import {Pad} from "./pad.js";

const $ = (id) => document.getElementById(id);
$("unserved").remove();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const settle = 60; // ms that a drawing is left to grow before the network is asked
const manyClasses = 12; // of more than these the ten most probable are shown

const pad = new Pad($("pad"), $("cursor"), ask, (text) => $("pen").textContent = text);
let models = []; // as the backend lists them
let wanted = false; // the drawing has changed since the network was asked
let asking = false; // there is one request at a time

// ask asks the network about the drawing, soon.
function ask() {
	wanted = true;
	if (!asking) answerAll();
}

async function answerAll() {
	asking = true;
	while (wanted) {
		if (!pad.empty) await pause(settle);
		wanted = false;
		try {
			await answer();
		} catch (error) {
			fail(error);
		}
	}
	asking = false;
}

async function answer() {
	if (!pad.empty && $("model").value) {
		const result = await backend.explain($("model").value, await pad.picture());
		if (!pad.empty) return show(result);
	}
	show({class: null, classes: models[$("model").selectedIndex]?.classes ?? [], probabilities: []});
}

function fail(error) {
	if (error instanceof TokenNeeded) {
		$("access").hidden = false;
		$("token").focus();
		$("error").textContent = backend.token && "The token is another one.";
		return;
	}
	$("error").textContent = error.message;
}

// show shows an answer; that for an empty pad has class null.
function show(result) {
	$("error").textContent = "";
	const best = result.classes.indexOf(result.class);
	const likely = best >= 0 && `${article(result.class)} ${result.class}, ${percent(result.probabilities[best])}`;
	const text = best < 0 ? "Draw a digit." : result.unknown ? `None of these; at most ${likely}` : `Looks like ${likely}`;
	if ($("answer").textContent !== text) $("answer").textContent = text; // what is the same is not read out again
	showBars(result, best);
	showRaster("seen", result.picture, (from, to) => copy(from, to));
	showRaster("mattered", result.picture && result.saliency, (from, to) => {
		copy(result.picture, to);
		tint(from, to);
	});
	showRaster("places", result.activation && result.picture, (from, to) => {
		copy(from, to);
		heat(result.activation, from, to);
	});
	$("layer").textContent = result.layer ?? "";
	showMaps(result.maps);
}

const percent = (p) => Math.round(100 * p) + "\u00a0%";
const article = (name) => /^(8|1[18]$|[aeiou])/i.test(name) ? "an" : "a";

function showBars({classes, probabilities}, best) {
	let order = classes.map((_, k) => k);
	if (classes.length > manyClasses) {
		order = order.sort((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0)).slice(0, 10);
	}
	const bars = $("bars");
	while (bars.children.length > order.length) bars.lastChild.remove();
	while (bars.children.length < order.length) bars.append(newBar());
	order.forEach((k, i) => {
		const [name, track, value] = bars.children[i].children;
		const p = probabilities[k] ?? 0;
		bars.children[i].classList.toggle("best", k === best);
		name.textContent = classes[k];
		track.firstChild.style.width = 100 * p + "%";
		value.textContent = probabilities.length ? percent(p) : "";
	});
}

function newBar() {
	const bar = document.createElement("li");
	for (const part of ["name", "track", "value"]) {
		bar.append(Object.assign(document.createElement("span"), {className: part}));
	}
	bar.children[1].append(document.createElement("span"));
	return bar;
}

// showRaster has a figure's canvas painted in a raster's size, or hides it
// without one.
function showRaster(id, raster, paint) {
	$(id).hidden = !raster;
	if (!raster) return;
	const canvas = $(id).querySelector("canvas");
	Object.assign(canvas, {width: raster.width, height: raster.height});
	const context = canvas.getContext("2d");
	const image = context.createImageData(raster.width, raster.height);
	paint(raster, image.data);
	context.putImageData(image, 0, 0);
}

// copy fills RGBA pixels from a raster of one channel or three, beginning with
// the given one.
function copy(raster, to, channel = 0) {
	const plane = raster.width * raster.height;
	const next = raster.channels === 3 ? plane : 0;
	for (let i = 0; i < plane; i++) {
		for (let c = 0; c < 3; c++) to[4 * i + c] = raster.pixels[(channel * plane) + c * next + i];
		to[4 * i + 3] = 255;
	}
}

// tint lays orange over RGBA pixels, as strong as a raster is.
function tint(raster, to) {
	raster.pixels.forEach((v, i) => {
		[255, 122, 0].forEach((orange, c) => { to[4 * i + c] += (orange - to[4 * i + c]) * v / 255; });
	});
}

// heat lays a small raster over the whole of RGBA pixels that have the size of another one,
// interpolated between the middles of its pixels: from yellow to red, and the more opaque the
// larger the value.
function heat(raster, size, to) {
	const between = (at, n) => {
		const x = Math.max(0, Math.min(at * n - 0.5, n - 1));
		return [x - Math.floor(x), Math.floor(x), Math.min(Math.floor(x) + 1, n - 1)];
	};
	const columns = Array.from({length: size.width}, (_, x) => between((x + 0.5) / size.width, raster.width));
	for (let y = 0; y < size.height; y++) {
		const [down, above, below] = between((y + 0.5) / size.height, raster.height);
		columns.forEach(([across, left, right], x) => {
			const row = (at) => (1 - across) * raster.pixels[at * raster.width + left] + across * raster.pixels[at * raster.width + right];
			const v = ((1 - down) * row(above) + down * row(below)) / 255;
			const at = 4 * (y * size.width + x);
			[255 - 40 * v, 220 * (1 - v), 30 * v].forEach((colour, c) => { to[at + c] += (colour - to[at + c]) * v * 2 / 3; });
		});
	}
}

// showMaps draws the channels of a raster in rows of eight.
function showMaps(maps) {
	$("maps").hidden = !maps;
	if (!maps) return;
	const canvas = $("maps").querySelector("canvas");
	const columns = Math.min(maps.channels, 8);
	const rows = Math.ceil(maps.channels / columns);
	canvas.width = columns * (maps.width + 2) - 2;
	canvas.height = rows * (maps.height + 2) - 2;
	canvas.setAttribute("aria-label", maps.channels + " feature maps, bright where a filter found what it looks for");
	const context = canvas.getContext("2d");
	const image = context.createImageData(maps.width, maps.height);
	for (let channel = 0; channel < maps.channels; channel++) {
		copy({...maps, channels: 1}, image.data, channel);
		context.putImageData(image, channel % columns * (maps.width + 2), Math.floor(channel / columns) * (maps.height + 2));
	}
}

// start asks for the models; without the token, this is where the lack shows.
async function start() {
	models = await backend.models();
	$("access").hidden = true;
	$("model").replaceChildren(...models.map(({name}) => new Option(name)));
	$("choice").hidden = models.length < 2;
	ask();
}

$("clear").addEventListener("click", () => pad.clear());
$("undo").addEventListener("click", () => pad.undo());
$("model").addEventListener("change", ask);
$("access").addEventListener("submit", (e) => {
	e.preventDefault();
	backend.token = $("token").value;
	$("token").value = "";
	start().catch(fail);
});
start().catch(fail);
