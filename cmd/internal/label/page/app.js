// The page: what the server says is shown, what people do is sent to it.

import {backend} from "./backend.js";
import {Gatherer} from "./gather.js";
import {Sorter} from "./sort.js";

const $ = (id) => document.getElementById(id);

const busy = 700; // ms between two questions while something goes on
let state = {revision: null}; // the server's last answer; a revision of null asks for all pictures
let timer = 0;

// act asks the server to do something and shows what came of it.
async function act(request) {
	try {
		const answer = await request();
		$("error").textContent = "";
		if (answer.said) $("said").textContent = answer.said[0].toUpperCase() + answer.said.slice(1) + ".";
		if (answer.classes && "revision" in answer) take(answer);
		return answer;
	} catch (error) {
		$("said").textContent = "";
		$("error").textContent = error.message;
	}
}

// refresh asks for everything that has changed.
const refresh = () => act(() => backend.state(state.revision));

// take shows a state. One without pictures says of one at most what has changed; if more
// has, everything is asked for anew.
function take(answer) {
	const known = state.revision === null ? null : state.revision + (answer.picture ? 1 : 0);
	state = answer;
	if (!answer.pictures && answer.revision !== known) state.revision = null;
	const total = answer.classes.reduce((sum, c) => sum + c.pictures, answer.unsorted);
	const guessing = Boolean(answer.model) && !answer.failed && answer.guessed < total;
	showHead(answer);
	showTraining(answer.training);
	sorter.show(answer, guessing, total);
	gatherer.show(answer);
	clearTimeout(timer);
	const running = ["preparing", "training"].includes(answer.training.state);
	if (state.revision === null) timer = setTimeout(refresh, 0);
	else if (running || guessing) timer = setTimeout(refresh, busy);
}

function showHead({folder, model, failed}) {
	document.title = folder + " – tapenet";
	$("folder").textContent = folder;
	$("model").textContent = failed ? "No guesses: " + failed : model ? "Guesses of " + model : "No model yet";
}

function showTraining({state, said, epochs, last}) {
	const running = state === "preparing" || state === "training";
	$("start").disabled = running;
	$("start").textContent = running ? "Training …" : "Train";
	$("stop").hidden = !running;
	const bar = $("epochs");
	bar.hidden = !running;
	if (epochs && last) {
		Object.assign(bar, {max: epochs, value: last.epoch});
	} else {
		bar.removeAttribute("value");
	}
	const text = running && last && epochs
		? `Epoch ${last.epoch} of ${epochs}: ${(100 * last.val_accuracy).toFixed(1)}\u00a0% of the held-out pictures are right.`
		: said || "A share of each class is held out, to say what the network is worth.";
	if ($("training").textContent !== text) $("training").textContent = text;
	$("training").classList.toggle("alarm", state === "failed");
}

const sorter = new Sorter($, act);
const gatherer = new Gatherer($, act, refresh);

$("start").addEventListener("click", () => act(() => backend.train()));
$("stop").addEventListener("click", () => {
	$("stop").disabled = true;
	act(() => backend.stop()).finally(() => $("stop").disabled = false);
});
$("undo").addEventListener("click", () => sorter.undo());
$("new-class").addEventListener("submit", async (e) => {
	e.preventDefault();
	const name = $("class-name").value.trim();
	if (await act(() => backend.newClass(name))) {
		$("class-name").value = "";
		$("said").textContent = `There is a class ${name} now.`;
	}
});
addEventListener("focus", refresh); // files may have been moved elsewhere
refresh();
