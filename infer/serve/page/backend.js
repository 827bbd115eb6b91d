// The network behind the page, here the server that the page comes from.
// Whatever has the same functions can take its place:
//
//	models() gives a list of {name, classes, input, fit, thresholds}: input is [channels,
//	  height, width], fit what becomes of pictures, thresholds are those of a network whose
//	  pictures may have several classes, and else missing.
//	explain(model, picture) takes a picture's file as a Blob and gives
//	  {class, classes, probabilities, labels, unknown, picture, seen, saliency, activation,
//	  activate, layer, maps}.
//
// What follows after probabilities may be missing, and is then not shown. labels are the
// classes of a picture that may have several; unknown is true for a picture of none of the
// classes. picture is what the network gets. seen is the part of the picture that came
// which that is, {width, height, left, top, right, bottom}: its whole size, and the part's
// edges. activation lies over that part, whatever its own size; activate(ended) is for one
// that takes longer: it gives an activation, or null once ended() is true. A raster, as
// picture, saliency, activation and maps are, is {channels, height, width, pixels}: bytes,
// channel by channel and row by row.

export class TokenNeeded extends Error {}

export const backend = {
	token: "", // kept here alone, and gone with the page

	async models() {
		return (await this.fetch("explain")).models;
	},

	async explain(model, picture) {
		const answer = await this.fetch("explain?model=" + encodeURIComponent(model), {method: "POST", body: picture});
		for (const raster of [answer.picture, answer.saliency, answer.activation, answer.maps]) {
			if (raster) raster.pixels = Uint8Array.from(atob(raster.pixels), (c) => c.charCodeAt(0));
		}
		return answer;
	},

	async fetch(address, options = {}) {
		if (this.token) options.headers = {Authorization: "Bearer " + this.token};
		let response;
		try {
			response = await fetch(address, options);
		} catch {
			throw new Error("The server does not answer.");
		}
		if (response.status === 401) throw new TokenNeeded();
		const answer = await response.json().catch(() => ({}));
		if (!response.ok) throw new Error(answer.error || "The server answered with status " + response.status + ".");
		return answer;
	},
};
