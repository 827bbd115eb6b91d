// The page: what is drawn or given goes to the network, what it says is shown.

import {backend, TokenNeeded} from "./backend.js";
import {Pad} from "./pad.js";
import {copy, heat, showMaps, showRaster, tint} from "./paint.js";
import {Picture} from "./picture.js";

const $ = (id) => document.getElementById(id);
$("unserved").remove();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const settle = 60; // ms that a drawing is left to grow before the network is asked
const manyClasses = 12; // of more than these the ten most probable are shown
const largestDrawn = 64; // pixels of the side of images that people can draw

const pad = new Pad($("pad"), $("cursor"), ask, (text) => $("pen").textContent = text);
const picture = new Picture({
	canvas: $("shown"), video: $("film"), input: $("file"), choose: $("choose"), camera: $("camera"),
}, ask, fail);
let models = []; // as the backend lists them
let wanted = false; // there is something else to ask since the network was asked
let asking = false; // there is one request at a time

const model = () => models[$("model").selectedIndex];

// draws tells whether a model's images are drawn: light strokes on black, and small.
const draws = ({fit, input: [channels, height, width]}) =>
	fit === "strokes" && channels === 1 && Math.max(height, width) <= largestDrawn;

// given is the file of what is to be classified, or null.
const given = async () => picture.file ?? (draws(model()) && !picture.stream && !pad.empty ? pad.picture() : null);

// ask asks the network, soon.
function ask() {
	arrange();
	wanted = true;
	if (!asking) answerAll();
}

// arrange shows the pad, the picture or the camera.
function arrange() {
	const drawn = models.length > 0 && draws(model()) && !picture.file && !picture.stream;
	for (const id of ["paper", "undo", "pen", "keys", "ways"]) $(id).hidden = !drawn;
	$("frame").hidden = !models.length || drawn;
	$("hint").hidden = Boolean(picture.stream || picture.file && picture.readable);
	$("hint").textContent = picture.file ? "The browser cannot show this file." :
		matchMedia("(hover: none)").matches ? "No picture yet." : "Drop a picture here, or paste one.";
}

async function answerAll() {
	asking = true;
	while (wanted) {
		if (!picture.file && !pad.empty) await pause(settle);
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
	if (!models.length) return;
	const [asked, file] = [model(), await given()];
	if (!file) return blank();
	if (picture.file) say("One moment…");
	let result;
	try {
		result = await backend.explain(asked.name, file);
	} catch (error) {
		if (picture.file === file) blank();
		throw error;
	}
	// What came meanwhile is asked about next. A drawing grows: what is said of its
	// beginning is shown.
	if (asked !== model() || (picture.file ? picture.file !== file : pad.empty)) return;
	show(asked, result);
	if (!result.activate) return;
	const activation = await result.activate(() => wanted);
	if (activation && !wanted) showPlaces({...result, activation});
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

// say has a text read out, unless it is there already.
function say(text) {
	if ($("answer").textContent !== text) $("answer").textContent = text;
}

// blank is the page without an answer.
function blank() {
	const {classes} = model();
	let text = "Choose a picture.";
	if (picture.stream) text = "Take the picture.";
	else if (draws(model())) text = classes.every((name) => /^\d$/.test(name)) ? "Draw a digit." : "Draw, or choose a picture.";
	show(model(), {classes, probabilities: []}, text);
}

// show shows an answer of a model's.
function show({thresholds}, result, text = verdict(result)) {
	$("error").textContent = "";
	say(text);
	showBars(result, thresholds);
	showPlaces(result);
	$("seen").querySelector("canvas").setAttribute("aria-label", picture.file ?
		"The picture as the network gets it, scaled to its size" : "The drawing as the network gets it, centred and scaled");
	showRaster($("seen"), result.picture, (from, to) => copy(from, to));
	const speckle = picture.file && result.activation; // as single pixels of photographs are
	showRaster($("mattered"), !speckle && result.picture && result.saliency, (from, to) => {
		copy(result.picture, to);
		tint(from, to);
	});
	$("layer").textContent = result.layer ?? "";
	showMaps($("maps"), result.maps);
}

const percent = (p) => Math.round(100 * p) + "\u00a0%";
const named = (name) => !/^\d+$/.test(name) ? name : (/^(8|1[18]$)/.test(name) ? "an " : "a ") + name; // words may be in the plural
const best = ({probabilities}) => probabilities.indexOf(Math.max(...probabilities));

// chosen are the numbers of the classes that an answer names: one, several for a model
// whose pictures may have several, or none.
function chosen({classes, probabilities, labels, unknown}, thresholds) {
	if (unknown || !probabilities.length) return [];
	if (!thresholds) return [best({probabilities})];
	return classes.map((_, k) => k).filter((k) => (labels ?? []).includes(classes[k]));
}

// verdict is an answer in words.
function verdict(result) {
	const one = (k) => named(result.classes[k]);
	const list = chosen(result, model().thresholds);
	if (list.length < 2) {
		const [k] = [...list, best(result)];
		return `${list.length ? "Looks like" : "None of these; at most"} ${one(k)}, ${percent(result.probabilities[k])}`;
	}
	const names = list.map((k) => `${one(k)} (${percent(result.probabilities[k])})`);
	return `Looks like ${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function showBars(result, thresholds) {
	const {classes, probabilities} = result, among = chosen(result, thresholds);
	let order = classes.map((_, k) => k);
	if (classes.length > manyClasses) {
		const rank = (k) => among.includes(k) + (probabilities[k] ?? 0);
		order = order.sort((a, b) => rank(b) - rank(a)).slice(0, Math.max(10, among.length));
	}
	const bars = $("bars");
	while (bars.children.length > order.length) bars.lastChild.remove();
	while (bars.children.length < order.length) bars.append(newBar());
	order.forEach((k, i) => {
		const [name, track, value] = bars.children[i].children;
		const [bar, mark] = track.children;
		const p = probabilities[k] ?? 0;
		bars.children[i].classList.toggle("best", among.includes(k));
		name.textContent = classes[k];
		bar.style.width = 100 * p + "%";
		mark.hidden = !thresholds;
		if (thresholds) mark.style.left = 100 * thresholds[k] + "%";
		value.textContent = probabilities.length ? percent(p) : "";
	});
	$("least").hidden = !thresholds;
}

function newBar() {
	const bar = document.createElement("li");
	for (const part of ["name", "track", "value"]) {
		bar.append(Object.assign(document.createElement("span"), {className: part}));
	}
	for (const part of ["bar", "mark"]) {
		bar.children[1].append(Object.assign(document.createElement("span"), {className: part}));
	}
	return bar;
}

// showPlaces lays the activation map over the picture that was given, where the network
// saw it; a drawing, and a picture that the browser does not show, it lays over what the
// network sees.
function showPlaces(result) {
	const {activation, seen, picture: own} = result;
	const figure = $("places");
	figure.hidden = !activation || !own;
	if (figure.hidden) return;
	const k = best(result), name = `${result.classes[k]}, ${percent(result.probabilities[k])}`;
	const none = activation.pixels.every((v) => v === 0);
	figure.querySelector("figcaption").textContent = none ? `No place speaks for ${name}` : `Places that speak for ${name}`;
	const over = picture.file && picture.readable && seen && seen.width === picture.width && seen.height === picture.height;
	figure.classList.toggle("photograph", Boolean(over));
	const canvas = figure.querySelector("canvas");
	canvas.setAttribute("aria-label", `${over ? "The picture" : "The same"} with the places that speak for the answer in yellow to red`);
	if (!over) {
		showRaster(figure, own, (from, to) => {
			copy(from, to);
			heat(activation, from, {left: 0, top: 0, right: from.width, bottom: from.height}, to);
		});
		return;
	}
	const {width, height} = picture.canvas, scale = width / seen.width;
	Object.assign(canvas, {width, height});
	const image = picture.canvas.getContext("2d").getImageData(0, 0, width, height);
	const part = Object.fromEntries(["left", "top", "right", "bottom"].map((edge) => [edge, scale * seen[edge]]));
	heat(activation, image, part, image.data);
	canvas.getContext("2d").putImageData(image, 0, 0);
}

// start asks for the models; without the token, this is where the lack shows.
async function start() {
	models = await backend.models();
	$("access").hidden = true;
	$("model").replaceChildren(...models.map(({name}) => new Option(name)));
	$("choice").hidden = models.length < 2;
	if (models.length === 1) document.title = models[0].name + " – tapenet";
	ask();
}

$("clear").addEventListener("click", () => {
	pad.clear();
	picture.clear();
});
$("undo").addEventListener("click", () => pad.undo());
$("model").addEventListener("change", ask);
$("access").addEventListener("submit", (e) => {
	e.preventDefault();
	backend.token = $("token").value;
	$("token").value = "";
	start().catch(fail);
});
start().catch(fail);
