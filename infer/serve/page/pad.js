// The area to draw on: a list of strokes, each a list of points, made with a
// pointer or with keys.

const ink = 20; // width of a stroke, of a pad 280 wide
const step = 10; // a cursor's way for one key

const arrows = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

export class Pad {
	strokes = [];
	cursor = {x: 140, y: 60}; // of the keyboard
	pointer = null; // id of the one that draws
	down = false; // the keyboard's pen
	held = new Set(); // arrow keys; two at once go diagonally

	// canvas is to draw on, mark to show the cursor on it. changed() is called
	// whenever there is another picture, said(text) with what happened to the pen.
	constructor(canvas, mark, changed, said) {
		Object.assign(this, {canvas, mark, changed, said});
		this.context = canvas.getContext("2d");
		canvas.addEventListener("pointerdown", (e) => this.press(e));
		canvas.addEventListener("pointermove", (e) => this.drag(e));
		for (const end of ["pointerup", "pointercancel"]) {
			canvas.addEventListener(end, (e) => { if (e.pointerId === this.pointer) this.pointer = null; });
		}
		canvas.addEventListener("keydown", (e) => this.key(e));
		canvas.addEventListener("keyup", (e) => this.held.delete(e.key));
		canvas.addEventListener("blur", () => { this.held.clear(); this.lift(); });
		this.place();
	}

	get empty() { return this.strokes.length === 0; }

	// picture is what was drawn as a PNG, dark on a transparent ground.
	picture() { return new Promise((done) => this.canvas.toBlob(done)); }

	clear() {
		this.strokes = [];
		this.lift();
		this.draw();
	}

	undo() {
		this.strokes.pop();
		this.lift();
		this.draw();
	}

	press(e) {
		if (this.pointer !== null || e.button !== 0) return;
		this.pointer = e.pointerId;
		this.canvas.setPointerCapture(e.pointerId);
		this.lift();
		this.strokes.push([this.at(e)]);
		this.draw();
	}

	drag(e) {
		if (e.pointerId !== this.pointer || this.empty) return;
		const events = e.getCoalescedEvents?.() ?? [];
		for (const part of events.length ? events : [e]) this.strokes.at(-1).push(this.at(part));
		this.draw();
	}

	// at is where a pointer is, on the pad.
	at(e) {
		const box = this.canvas.getBoundingClientRect();
		return {
			x: (e.clientX - box.left) / box.width * this.canvas.width,
			y: (e.clientY - box.top) / box.height * this.canvas.height,
		};
	}

	key(e) {
		if (e.altKey || e.ctrlKey || e.metaKey) return;
		if (e.key in arrows) {
			this.held.add(e.key);
			this.move();
		} else if (e.key === " ") {
			if (!e.repeat) this.down ? this.lift() : this.lower();
		} else if (e.key === "Backspace") {
			this.undo();
		} else if (e.key === "Delete") {
			this.clear();
		} else {
			return;
		}
		e.preventDefault();
	}

	move() {
		const inside = (v, most) => Math.max(0, Math.min(v, most));
		for (const key of this.held) {
			this.cursor.x = inside(this.cursor.x + step * arrows[key][0], this.canvas.width);
			this.cursor.y = inside(this.cursor.y + step * arrows[key][1], this.canvas.height);
		}
		this.place();
		if (this.down) {
			this.strokes.at(-1).push({...this.cursor});
			this.draw();
		}
	}

	lower() {
		this.down = true;
		this.strokes.push([{...this.cursor}]);
		this.place();
		this.draw();
		this.said("Pen down");
	}

	lift() {
		if (!this.down) return;
		this.down = false;
		this.place();
		this.said("Pen up");
	}

	place() {
		this.mark.style.left = 100 * this.cursor.x / this.canvas.width + "%";
		this.mark.style.top = 100 * this.cursor.y / this.canvas.height + "%";
		this.mark.classList.toggle("down", this.down);
	}

	draw() {
		const c = this.context;
		c.clearRect(0, 0, this.canvas.width, this.canvas.height);
		Object.assign(c, {lineWidth: ink, lineCap: "round", lineJoin: "round"});
		for (const [first, ...others] of this.strokes) {
			c.beginPath();
			c.moveTo(first.x - 0.01, first.y); // so that a point alone is a dot
			for (const p of [first, ...others]) c.lineTo(p.x, p.y);
			c.stroke();
		}
		this.changed();
	}
}
