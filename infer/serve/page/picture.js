// A picture that is given to the page: chosen, dropped, pasted or taken with the camera.

const widest = 1024; // pixels of the longer side, at which a picture is shown

export class Picture {
	file = null; // as it came, a Blob; null for none
	readable = false; // whether the browser can show it
	stream = null; // the camera's, while it runs

	// parts are the elements canvas, video, input (of a file), choose and camera (buttons).
	// changed() is called whenever there is another picture or none, and when the camera
	// begins or ends; failed(error) with what went wrong.
	constructor(parts, changed, failed) {
		Object.assign(this, parts, {changed, failed});
		this.choose.addEventListener("click", () => this.input.click());
		this.input.addEventListener("change", () => {
			this.give(this.input.files);
			this.input.value = ""; // so that the same file can be chosen again
		});
		this.camera.hidden = !navigator.mediaDevices?.getUserMedia; // missing on pages that come unencrypted from elsewhere
		this.camera.addEventListener("click", () => (this.stream ? this.take() : this.start()).catch(failed));
		this.listen();
	}

	// listen takes what is dropped on the page or pasted into it.
	listen() {
		const dragged = (e) => e.dataTransfer.types.includes("Files");
		document.addEventListener("dragover", (e) => {
			if (!dragged(e)) return;
			e.preventDefault();
			e.dataTransfer.dropEffect = "copy";
			document.body.classList.add("over");
		});
		for (const end of ["dragleave", "drop"]) {
			document.addEventListener(end, (e) => {
				if (end === "drop" || !e.relatedTarget) document.body.classList.remove("over");
			});
		}
		document.addEventListener("drop", (e) => {
			if (!dragged(e)) return;
			e.preventDefault();
			this.give(e.dataTransfer.files);
		});
		document.addEventListener("paste", (e) => {
			if (e.target.closest("input")) return;
			e.preventDefault();
			this.give(e.clipboardData.files);
		});
	}

	// give takes a list of one file.
	give(files) {
		if (files.length !== 1) return this.failed(new Error(`${files.length || "No"} pictures came, want one.`));
		this.set(files[0]).catch(this.failed);
	}

	// set makes a file the picture.
	async set(file) {
		this.stop();
		this.file = file;
		const bitmap = await createImageBitmap(file).catch(() => null); // the network may read it all the same
		if (this.file !== file) return; // another one has come meanwhile
		this.readable = bitmap !== null;
		if (bitmap) this.draw(bitmap, bitmap.width, bitmap.height);
		bitmap?.close();
		this.show();
	}

	// draw draws an image of some size onto the canvas, on white as networks see it.
	draw(image, width, height) {
		Object.assign(this, {width, height});
		const part = Math.min(1, widest / Math.max(width, height));
		Object.assign(this.canvas, {width: Math.max(1, Math.round(part * width)), height: Math.max(1, Math.round(part * height))});
		const context = this.canvas.getContext("2d", {willReadFrequently: true});
		context.fillStyle = "#fff";
		context.fillRect(0, 0, this.canvas.width, this.canvas.height);
		context.drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
	}

	clear() {
		this.stop();
		this.file = null;
		this.show();
	}

	show() {
		this.canvas.hidden = !this.file || !this.readable;
		this.video.hidden = !this.stream;
		this.camera.textContent = this.stream ? "Take the picture" : "Camera";
		this.changed();
	}

	async start() {
		this.camera.disabled = true; // one camera is enough
		try {
			this.stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment", width: {ideal: 1280}}});
		} catch (error) {
			throw new Error(`There is no picture from a camera: ${error.message}.`);
		} finally {
			this.camera.disabled = false;
		}
		this.file = null;
		this.video.srcObject = this.stream;
		this.show();
		await this.video.play();
	}

	// take makes what the camera sees the picture.
	async take() {
		const {videoWidth: width, videoHeight: height} = this.video;
		if (!width) return; // it has not begun to see
		const canvas = new OffscreenCanvas(width, height);
		canvas.getContext("2d").drawImage(this.video, 0, 0);
		await this.set(await canvas.convertToBlob({type: "image/png"}));
	}

	stop() {
		for (const track of this.stream?.getTracks() ?? []) track.stop();
		this.stream = this.video.srcObject = null;
	}
}
