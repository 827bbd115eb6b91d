// Rasters on canvases. A raster is {channels, height, width, pixels}: bytes, channel by
// channel and row by row.

// showRaster has a figure's canvas painted in a raster's size, or hides it without one.
export function showRaster(figure, raster, paint) {
	figure.hidden = !raster;
	if (!raster) return;
	const canvas = figure.querySelector("canvas");
	Object.assign(canvas, {width: raster.width, height: raster.height});
	const context = canvas.getContext("2d");
	const image = context.createImageData(raster.width, raster.height);
	paint(raster, image.data);
	context.putImageData(image, 0, 0);
}

// copy fills RGBA pixels from a raster of one channel or three, beginning with
// the given one.
export function copy(raster, to, channel = 0) {
	const plane = raster.width * raster.height;
	const next = raster.channels === 3 ? plane : 0;
	for (let i = 0; i < plane; i++) {
		for (let c = 0; c < 3; c++) to[4 * i + c] = raster.pixels[(channel * plane) + c * next + i];
		to[4 * i + 3] = 255;
	}
}

// tint lays orange over RGBA pixels, as strong as a raster is.
export function tint(raster, to) {
	raster.pixels.forEach((v, i) => {
		[255, 122, 0].forEach((orange, c) => { to[4 * i + c] += (orange - to[4 * i + c]) * v / 255; });
	});
}

// heat lays a small raster over a part of RGBA pixels that have the given size,
// interpolated between the middles of its pixels: from yellow to red, and the more opaque
// the larger the value. What is outside of the part becomes darker.
export function heat(raster, size, part, to) {
	const columns = Array.from({length: size.width}, (_, x) => between((x + 0.5 - part.left) / (part.right - part.left), raster.width));
	for (let y = 0; y < size.height; y++) {
		const down = between((y + 0.5 - part.top) / (part.bottom - part.top), raster.height);
		columns.forEach((across, x) => {
			const at = 4 * (y * size.width + x);
			if (!across || !down) {
				for (let c = 0; c < 3; c++) to[at + c] /= 3;
				return;
			}
			const row = (y) => (1 - across.share) * raster.pixels[y * raster.width + across.before] + across.share * raster.pixels[y * raster.width + across.after];
			const v = ((1 - down.share) * row(down.before) + down.share * row(down.after)) / 255;
			[255 - 40 * v, 220 * (1 - v), 30 * v].forEach((colour, c) => { to[at + c] += (colour - to[at + c]) * v * 2 / 3; });
		});
	}
}

// between says between the middles of which two of n cells a place in 0..1 lies, and
// which share of the way from the one to the other; null for a place that lies outside.
function between(at, n) {
	if (at < 0 || at >= 1) return null;
	const x = Math.max(0, Math.min(at * n - 0.5, n - 1));
	const before = Math.floor(x);
	return {share: x - before, before, after: Math.min(before + 1, n - 1)};
}

// showMaps draws the channels of a raster in rows of eight, or hides the figure.
export function showMaps(figure, maps) {
	figure.hidden = !maps;
	if (!maps) return;
	const canvas = figure.querySelector("canvas");
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
