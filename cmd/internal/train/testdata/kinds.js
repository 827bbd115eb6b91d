// Makes a folder of pictures of fourteen kinds of things, for fine-tuning: the emoji of two
// npm packages of version 15.1.2, emoji-datasource-google (Noto, Apache-2.0) and
// emoji-datasource-twitter (Twemoji, CC-BY 4.0), in 64×64 pixels:
//
//	npm install emoji-datasource-google@15.1.2 emoji-datasource-twitter@15.1.2
//	NODE_PATH=node_modules node kinds.js FOLDER [SEED]
//
// Each kind has up to 25 symbols, chosen by the seed (1 by default), of which a fifth is for
// testing. Both packages' drawings of a symbol are in the same part: nothing that is tested
// has been trained on. Symbols of several (a man or a woman with an object) are left out,
// as they are variants of each other.
"use strict";
const fs = require("fs"), path = require("path");
const [folder, seed = "1"] = process.argv.slice(2);
const sets = ["google", "twitter"];
const symbols = require("emoji-datasource-google/emoji.json");

const kinds = {
	animal: ["animal-mammal"], bird: ["animal-bird"], building: ["place-building"], clothing: ["clothing"],
	face: ["face-smiling", "face-neutral-skeptical", "face-concerned"], flag: ["country-flag"],
	fruit: ["food-fruit", "food-vegetable"], meal: ["food-prepared", "food-asian"], music: ["music", "musical-instrument"],
	person: ["person", "person-role", "person-gesture"], plant: ["plant-flower", "plant-other"],
	sport: ["sport"], tool: ["tool"], vehicle: ["transport-ground"],
};

let state = Number(seed) >>> 0;
const random = n => { // Lehmer's generator of Park and Miller 1988
	state = (state % 2147483646 + 1) * 48271 % 2147483647;
	return state % n;
};
const shuffled = list => {
	list = [...list];
	for (let i = list.length - 1; i > 0; i--) {
		const k = random(i + 1);
		[list[i], list[k]] = [list[k], list[i]];
	}
	return list;
};

const file = (set, image) => path.join(path.dirname(require.resolve(`emoji-datasource-${set}/emoji.json`)), "img", set, "64", image);
const count = {train: 0, test: 0};
for (const [kind, of] of Object.entries(kinds)) {
	const usable = symbols.filter(s => of.includes(s.subcategory) && !s.unified.includes("200D") && sets.every(set => s["has_img_" + set] && fs.existsSync(file(set, s.image))));
	const chosen = shuffled(usable.sort((a, b) => a.unified < b.unified ? -1 : 1)).slice(0, 25);
	chosen.forEach((s, i) => {
		const part = i < Math.round(chosen.length / 5) ? "test" : "train", to = path.join(folder, part, kind);
		fs.mkdirSync(to, {recursive: true});
		for (const set of sets) {
			fs.copyFileSync(file(set, s.image), path.join(to, `${s.unified}-${set}.png`));
			count[part]++;
		}
	});
}
console.log(`${count.train} pictures for training and ${count.test} for testing, of ${Object.keys(kinds).length} kinds`);
