// The pictures, and the one that is chosen: keys and buttons move it to a class.

import {backend} from "./backend.js";

const letters = "123456789abcdefghijklmnopqrstvwxyz"; // of classes; U undoes
const portion = 120; // pictures that are shown at first, and more each time

export const percent = (p) => Math.round(100 * p) + "\u00a0%";

export class Sorter {
	pictures = new Map(); // by id
	order = []; // ids, as they are shown
	tiles = new Map(); // elements by id
	names = []; // classes in the order of their keys, which a new class does not change
	chosen = null; // id
	limit = portion;
	model = null;
	guessing = true;
	last = Promise.resolve(); // the last change

	// $ finds elements, act sends requests and shows their answers.
	constructor($, act) {
		Object.assign(this, {$, act, grid: $("grid")});
		$("filter").addEventListener("change", () => { this.limit = portion; this.arrange(); this.draw(); });
		$("more").addEventListener("click", () => { this.limit += portion; this.draw(); });
		$("remove").addEventListener("click", () => this.remove());
		this.grid.addEventListener("click", (e) => {
			const tile = e.target.closest("[role=option]");
			if (tile) this.choose(tile.dataset.id, true);
		});
		document.addEventListener("keydown", (e) => this.key(e));
	}

	// show shows a state of the server's.
	show(state, guessing, total) {
		this.names = this.names.filter((n) => state.classes.some((c) => c.name === n));
		this.names.push(...state.classes.map((c) => c.name).filter((n) => !this.names.includes(n)));
		const sorted = this.guessing && !guessing || this.model !== state.model;
		Object.assign(this, {guessing, model: state.model});
		if (state.pictures) {
			this.pictures = new Map(state.pictures.map((p) => [p.id, p]));
		} else if (state.picture) {
			this.pictures.set(state.picture.id, state.picture);
		}
		this.showFilter(state);
		this.showClasses(state);
		sorted ? this.arrange() : this.keepOrder();
		this.draw();
		this.showOrder(state, total);
		this.$("undo").disabled = !state.undo;
		this.$("undo").title = state.undo && state.undo[0].toUpperCase() + state.undo.slice(1);
	}

	showOrder(state, total) {
		const bar = this.$("guessing");
		bar.hidden = !this.guessing;
		Object.assign(bar, {max: total, value: state.guessed});
		const by = state.model ? "the least certain guess first, of equal ones those against their folder (≠)" : "those without a class first";
		this.$("order").textContent = !total ? "There are no pictures yet: gather some, or put them into the folder."
			: this.guessing ? `${total} pictures; guesses of ${state.guessed}` : `${this.order.length} of ${total} pictures, ${by}.`;
		this.$("passed").textContent = state.allPassed
			? `Not shown (${state.allPassed}), no pictures or too deep: ${state.passed.join(", ")}${state.allPassed > state.passed.length ? ", …" : ""}` : "";
	}

	showFilter(state) {
		const filter = this.$("filter");
		const options = [["all", "all"], ["none", "without a class"], ...(state.model ? [["against", "against their folder"]] : []),
			...this.names.map((n) => ["in " + n, n])];
		if (filter.options.length === options.length && options.every(([v], i) => filter.options[i].value === v)) return;
		const value = filter.value;
		filter.replaceChildren(...options.map(([v, text]) => new Option(text, v)));
		filter.value = options.some(([v]) => v === value) ? value : "all";
	}

	showClasses(state) {
		const counts = new Map(state.classes.map((c) => [c.name, c.pictures]));
		const list = this.$("classes");
		const all = [...this.names.map((n, i) => [n, letters[i] ?? "", counts.get(n)]), ["", "0", state.unsorted]];
		while (list.children.length > all.length) list.lastChild.remove();
		while (list.children.length < all.length) list.append(this.newClassButton());
		all.forEach(([name, key, count], i) => {
			const button = list.children[i].firstChild;
			list.children[i].dataset.class = name; // for drops, which a disabled button does not get
			const [cap, text, number] = button.children;
			button.dataset.class = name;
			cap.textContent = key.toUpperCase();
			cap.hidden = !key;
			text.textContent = name || "no class";
			number.textContent = count;
			button.setAttribute("aria-label", `${name || "no class"}, ${count} pictures`);
			key ? button.setAttribute("aria-keyshortcuts", key.toUpperCase()) : button.removeAttribute("aria-keyshortcuts");
		});
		this.markClass();
	}

	newClassButton() {
		const item = document.createElement("li"), button = document.createElement("button");
		button.type = "button";
		button.append(document.createElement("kbd"), document.createElement("span"), document.createElement("span"));
		button.addEventListener("click", () => this.move(button.dataset.class));
		item.append(button);
		return item;
	}

	// markClass marks the button of the class that the chosen picture is in.
	markClass() {
		const p = this.pictures.get(this.chosen);
		for (const button of this.$("classes").querySelectorAll("button")) {
			button.setAttribute("aria-pressed", Boolean(p) && button.dataset.class === p.class);
			button.disabled = !p;
		}
	}

	// passes reports whether a picture is among those to show.
	passes(p) {
		const filter = this.$("filter").value;
		return filter === "none" ? !p.class : filter === "against" ? p.against : filter.startsWith("in ") ? p.class === filter.slice(3) : true;
	}

	// arrange sorts: what cannot be read first, then by the guess, least certain first,
	// what has none last.
	arrange() {
		const rank = (p) => p.damaged ? -1 : p.guess ? p.p : this.model ? 2 : p.class ? 1 : 0;
		const shown = [...this.pictures.values()].filter((p) => this.passes(p)); // by class and name
		this.order = shown.sort((a, b) => rank(a) - rank(b) || b.against - a.against).map((p) => p.id);
	}

	// keepOrder leaves the pictures in their places; new ones come first.
	keepOrder() {
		const kept = this.order.filter((id) => this.pictures.has(id) && this.passes(this.pictures.get(id)));
		const known = new Set(kept);
		this.order = [...[...this.pictures.values()].filter((p) => !known.has(p.id) && this.passes(p)).map((p) => p.id), ...kept];
	}

	// draw makes the tiles what they should be.
	draw() {
		const shown = this.order.slice(0, this.limit);
		const wanted = new Set(shown);
		const focused = this.grid.contains(document.activeElement);
		for (const [id, tile] of this.tiles) {
			if (!wanted.has(id)) {
				tile.remove();
				this.tiles.delete(id);
			}
		}
		shown.forEach((id, i) => {
			const tile = this.tiles.get(id) ?? this.newTile(id);
			this.fill(tile, this.pictures.get(id));
			if (this.grid.children[i] !== tile) this.grid.insertBefore(tile, this.grid.children[i] ?? null);
		});
		this.$("more").hidden = this.order.length <= this.limit;
		this.choose(wanted.has(this.chosen) ? this.chosen : shown[0] ?? null, focused);
	}

	newTile(id) {
		const tile = document.createElement("li"), img = document.createElement("img");
		Object.assign(img, {loading: "lazy", alt: "", src: backend.address(id, "small"), decoding: "async"});
		img.addEventListener("error", () => tile.classList.add("damaged"));
		tile.dataset.id = id;
		tile.setAttribute("role", "option");
		tile.append(img, document.createElement("span"), document.createElement("span"));
		this.tiles.set(id, tile);
		return tile;
	}

	fill(tile, p) {
		tile.children[1].textContent = p.class || "no class";
		tile.children[2].textContent = p.damaged ? "damaged" : p.guess ? (p.against ? "≠ " : "") + (p.unknown ? "none, " : "") + p.guess + " " + percent(p.p) : "";
		tile.classList.toggle("against", p.against);
		tile.classList.toggle("damaged", Boolean(p.damaged));
		tile.setAttribute("aria-label", this.describe(p));
	}

	describe(p) {
		const where = p.class ? "in " + p.class : "without a class";
		if (p.damaged) return `${p.file}, ${where}, cannot be read: ${p.damaged}`;
		if (!p.guess) return `${p.file}, ${where}`;
		return `${p.file}, ${where}, ${p.unknown ? "none of the classes, at most" : "looks like"} ${p.guess}, ${percent(p.p)}${p.against ? ", against its folder" : ""}`;
	}

	// choose chooses a picture; focus goes with it if it should.
	choose(id, focus) {
		const p = this.pictures.get(id);
		const other = this.chosen !== id;
		this.chosen = p ? id : null;
		for (const [of, tile] of this.tiles) {
			tile.setAttribute("aria-selected", of === id);
			tile.tabIndex = of === id ? 0 : -1;
		}
		this.$("chosen").hidden = !p;
		this.$("remove").disabled = !p;
		if (p) {
			if (other) this.$("large").src = backend.address(id, "large");
			if (other && this.after(id)) new Image().src = backend.address(this.after(id), "large"); // so that it is there
			this.$("large").alt = p.file;
			this.$("about").textContent = this.describe(p) + ".";
		}
		this.markClass();
		const tile = this.tiles.get(id);
		if (tile && focus) {
			tile.focus({preventScroll: true});
			tile.scrollIntoView({block: "nearest"});
		}
	}

	// accept moves the chosen picture to the class of its guess, if the folder has it.
	accept() {
		const guess = this.pictures.get(this.chosen)?.guess;
		if (this.names.includes(guess)) this.move(guess);
	}

	// Changes are made one after the other, each of the picture that is chosen then.

	move(name) { this.last = this.last.then(() => this.moveNow(name)); }
	remove() { this.last = this.last.then(() => this.removeNow()); }
	undo() { this.last = this.last.then(() => this.undoNow()); }

	// moveNow moves the chosen picture, and goes to the next one.
	async moveNow(name) {
		const p = this.pictures.get(this.chosen);
		if (!p) return;
		const next = this.after(p.id);
		if (p.class !== name && !await this.act(() => backend.move(p.id, name))) return;
		this.$("said").textContent = `${p.file} is in ${name || "no class"}.`;
		this.choose(next ?? this.chosen, true);
	}

	async removeNow() {
		const p = this.pictures.get(this.chosen);
		if (!p) return;
		const next = this.after(p.id);
		if (!await this.act(() => backend.remove(p.id))) return;
		this.pictures.delete(p.id);
		this.$("said").textContent = `${p.file} is put aside, in .label/removed.`;
		this.keepOrder();
		this.draw();
		this.choose(next, true);
	}

	async undoNow() {
		const answer = await this.act(() => backend.undo());
		if (answer?.picture && this.tiles.has(answer.picture.id)) this.choose(answer.picture.id, true);
	}

	// after is the picture to go to from another, null if there is none.
	after(id) {
		const at = this.order.indexOf(id);
		return this.order[at + 1] ?? this.order[at - 1] ?? null;
	}

	// key does what a key means, unless it is for a field.
	key(e) {
		const at = e.target;
		if (at.matches?.("input, select, textarea") || e.altKey) return;
		const key = e.key.toLowerCase();
		if ((e.ctrlKey || e.metaKey) && key === "z" && !e.shiftKey || !e.ctrlKey && !e.metaKey && key === "u") {
			this.undo();
		} else if (e.ctrlKey || e.metaKey) {
			return;
		} else if (key === "0") {
			this.move("");
		} else if (letters.indexOf(key) in this.names && key.length === 1) {
			this.move(this.names[letters.indexOf(key)]);
		} else if (key === "delete") {
			this.remove();
		} else if (key === "enter" && this.grid.contains(at)) {
			this.accept();
		} else if (!(this.grid.contains(at) || at === document.body) || !this.go(e.key)) {
			return;
		}
		e.preventDefault();
	}

	// go chooses another picture by an arrow key.
	go(key) {
		const shown = this.order.slice(0, this.limit);
		const columns = getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
		const at = shown.indexOf(this.chosen);
		const steps = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -at, End: shown.length - 1 - at};
		if (!(key in steps) || at < 0) return false;
		const to = at + steps[key];
		if (to in shown) this.choose(shown[to], true);
		return true;
	}
}
