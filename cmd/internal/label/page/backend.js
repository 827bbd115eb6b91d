// The server that the page comes from.

const sized = {method: "POST", headers: {"Content-Type": "application/json"}};

export const backend = {
	// state gives all that is shown; pictures is null if they are of the revision.
	state(revision) { return ask("state" + (revision === null ? "" : "?revision=" + revision)); },

	move(id, name) { return ask("move", {...sized, body: JSON.stringify({id, class: name})}); },
	remove(id) { return ask("remove", {...sized, body: JSON.stringify({id})}); },
	newClass(name) { return ask("class", {...sized, body: JSON.stringify({name})}); },
	undo() { return ask("undo", {method: "POST"}); },
	train() { return ask("train", {method: "POST"}); },
	stop() { return ask("stop", {method: "POST"}); },

	// add puts a picture, a Blob, into a class.
	add(blob, name, into) {
		return ask("add?" + new URLSearchParams({name, class: into}), {method: "POST", body: blob});
	},

	// guess gives {class, classes, probabilities, unknown} of a Blob.
	guess(blob) { return ask("guess", {method: "POST", body: blob}); },

	address(id, size) { return "picture/" + id + "/" + size; },
};

async function ask(address, options) {
	let response;
	try {
		response = await fetch(address, options);
	} catch {
		throw new Error("The server does not answer.");
	}
	const answer = await response.json().catch(() => ({}));
	if (!response.ok) throw new Error(asSentence(answer.error || "the server answered with status " + response.status));
	return answer;
}

function asSentence(text) {
	return text[0].toUpperCase() + text.slice(1) + (text.endsWith(".") ? "" : ".");
}
