// Pictures from the camera and from files: they go into a class, or are tried on the
// network.

import {backend} from "./backend.js";
import {percent} from "./sort.js";

const between = 250; // ms between two pictures while the button is held
const pause = 120; // ms between two looks of the network
const manyClasses = 12; // of more than these the ten most probable are shown
const longest = 640; // side of the camera's pictures

export class Gatherer {
	stream = null; // of the camera
	waiting = []; // pictures on their way: {blob, name, into}
	done = 0; // how many have arrived since the last began
	sending = false;
	burst = 0; // timer of the held button
	model = "";

	// $ finds elements, act sends requests and shows their answers, refresh asks for all.
	constructor($, act, refresh) {
		Object.assign(this, {$, act, refresh, video: $("video")});
		$("camera").addEventListener("click", () => this.stream ? this.off() : this.on());
		this.listenToHold($("hold"));
		$("files").addEventListener("change", (e) => { this.take(e.target.files, $("into").value); e.target.value = ""; });
		$("try").addEventListener("change", (e) => { if (e.target.files[0]) this.try(e.target.files[0]); e.target.value = ""; });
		this.listenToDrops();
	}

	// show shows a state of the server's.
	show({classes, model}) {
		this.model = model;
		const into = this.$("into"), names = [...classes.map((c) => c.name), ""];
		if (into.options.length !== names.length || names.some((n, i) => into.options[i].value !== n)) {
			const before = [...into.options].map((o) => o.value);
			const fresh = names.find((n) => !before.includes(n)); // a class that was made, or the first one
			const value = fresh ?? into.value;
			into.replaceChildren(...names.map((n) => new Option(n || "no class", n)));
			if (names.includes(value)) into.value = value;
		}
		if (!model) this.say("Train first, or begin with a model: then it says what it sees.");
		else if (!this.stream && this.$("tried").hidden) this.say("Turn the camera on, or try a picture.");
	}

	say(text) {
		if (this.$("seen").textContent !== text) this.$("seen").textContent = text;
	}

	fail(text) { this.act(() => { throw new Error(text) }); }

	// on turns the camera on, and the network looks through it.
	async on() {
		if (!navigator.mediaDevices) return this.fail("The browser gives a camera to pages of this machine or with https alone: open the page as http://localhost.");
		try {
			this.stream = await navigator.mediaDevices.getUserMedia({video: {width: {ideal: longest}}, audio: false});
		} catch (error) {
			return this.fail(error.name === "NotAllowedError" ? "The browser does not let this page use the camera: allow it beside the address."
				: error.name === "NotFoundError" ? "There is no camera." : "The camera cannot be used: " + error.message + ".");
		}
		this.stream.getVideoTracks()[0].addEventListener("ended", () => this.off());
		this.$("tried").hidden = true;
		this.showCamera();
		this.video.srcObject = this.stream;
		await this.video.play().catch(() => {});
		this.watch(this.stream);
	}

	off() {
		this.release();
		this.stream?.getTracks().forEach((track) => track.stop());
		this.stream = this.video.srcObject = null;
		this.showCamera();
		this.showBars([], []);
		this.say("");
	}

	showCamera() {
		const on = Boolean(this.stream);
		this.video.hidden = !on;
		this.$("hold").disabled = !on;
		this.$("camera").textContent = on ? "Camera off" : "Camera on";
		this.$("camera").setAttribute("aria-pressed", on);
	}

	// watch has the network say what it sees, as long as the camera is on.
	async watch(stream) {
		while (this.stream === stream) {
			if (this.model && this.video.videoWidth && !document.hidden) {
				try {
					const answer = await backend.guess(await this.frame(320));
					if (this.stream === stream) this.answer(answer);
				} catch (error) {
					this.say(error.message);
					await new Promise((done) => setTimeout(done, 1000));
				}
			}
			await new Promise((done) => setTimeout(done, pause));
		}
	}

	// frame is the camera's picture as a JPEG.
	frame(most) {
		const scale = Math.min(1, most / Math.max(this.video.videoWidth, this.video.videoHeight));
		const canvas = document.createElement("canvas");
		canvas.width = Math.round(this.video.videoWidth * scale);
		canvas.height = Math.round(this.video.videoHeight * scale);
		canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
		return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92));
	}

	listenToHold(button) {
		button.addEventListener("pointerdown", (e) => { if (e.button === 0) this.hold(); });
		button.addEventListener("keydown", (e) => { if ((e.key === " " || e.key === "Enter") && !e.repeat) this.hold(); });
		for (const end of ["pointerup", "pointercancel", "pointerleave", "keyup", "blur"]) button.addEventListener(end, () => this.release());
		button.addEventListener("contextmenu", (e) => e.preventDefault()); // of a long touch
	}

	// hold takes pictures until release.
	hold() {
		if (this.burst || !this.stream) return;
		const shot = async () => {
			if (!this.video.videoWidth) return;
			const name = "camera-" + new Date().toISOString().replace(/[-:]/g, "").replace(/[T.]/g, "-").replace("Z", "") + ".jpg";
			const into = this.$("into").value;
			this.send({blob: await this.frame(longest), name, into});
		};
		this.burst = setInterval(shot, between);
		shot();
	}

	release() {
		clearInterval(this.burst);
		this.burst = 0;
	}

	// listenToDrops takes files that are dropped: on a class, or into the chosen one.
	listenToDrops() {
		addEventListener("dragover", (e) => { if (e.dataTransfer.types.includes("Files")) e.preventDefault(); });
		addEventListener("drop", (e) => {
			if (!e.dataTransfer.files.length) return;
			e.preventDefault();
			const onto = e.target.closest?.("#classes li");
			if (e.target.closest?.("#preview")) this.try(e.dataTransfer.files[0]);
			else this.take(e.dataTransfer.files, onto ? onto.dataset.class : this.$("into").value);
		});
	}

	take(files, into) {
		for (const file of files) this.send({blob: file, name: file.name, into});
	}

	// send sends pictures one after the other. One that is refused does not stop the
	// others.
	async send(picture) {
		this.waiting.push(picture);
		if (this.sending) return;
		this.sending = true;
		this.done = 0;
		const refused = [];
		while (this.waiting.length) {
			const {blob, name, into} = this.waiting[0];
			this.$("gathered").textContent = `${this.done} arrived, ${this.waiting.length} on the way …`;
			try {
				await backend.add(blob, name, into);
				this.done++;
			} catch (error) {
				refused.push(`${name}: ${error.message}`);
			}
			this.waiting.shift();
		}
		this.sending = false;
		this.$("gathered").textContent = this.done === 1 ? "1 picture arrived." : `${this.done} pictures arrived.`;
		await this.refresh();
		if (refused.length) this.fail(refused.length > 1 ? `${refused.length} were refused, such as ${refused[0]}` : refused[0]);
	}

	// try shows a picture, and what the network sees in it.
	async try(file) {
		if (this.stream) this.off();
		const canvas = this.$("tried");
		canvas.hidden = false;
		try {
			const bitmap = await createImageBitmap(file);
			const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
			canvas.width = Math.max(1, bitmap.width * scale);
			canvas.height = Math.max(1, bitmap.height * scale);
			canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
		} catch {
			canvas.hidden = true; // a kind that the server reads, and this browser does not
		}
		const answer = await this.act(() => backend.guess(file));
		if (answer) this.answer(answer);
	}

	answer({class: name, classes, probabilities, unknown}) {
		const p = probabilities[classes.indexOf(name)];
		this.say(unknown ? `None of these; at most ${name}, ${percent(p)}` : `It sees ${name}, ${percent(p)}`);
		this.showBars(classes, probabilities, name);
	}

	showBars(classes, probabilities, best) {
		let order = classes.map((_, k) => k);
		if (classes.length > manyClasses) order = order.sort((a, b) => probabilities[b] - probabilities[a]).slice(0, 10);
		const bars = this.$("bars");
		while (bars.children.length > order.length) bars.lastChild.remove();
		while (bars.children.length < order.length) bars.append(newBar());
		order.forEach((k, i) => {
			const [name, track, value] = bars.children[i].children;
			bars.children[i].classList.toggle("best", classes[k] === best);
			name.textContent = classes[k];
			track.firstChild.style.width = 100 * probabilities[k] + "%";
			value.textContent = percent(probabilities[k]);
		});
	}
}

function newBar() {
	const bar = document.createElement("li");
	for (const part of ["name", "track", "value"]) {
		bar.append(Object.assign(document.createElement("span"), {className: part}));
	}
	bar.children[1].append(document.createElement("span"));
	return bar;
}
