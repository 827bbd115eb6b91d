package serve

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"golang.org/x/image/tiff"

	"tapenet/infer"
)

// landscape is a picture of 64×32, of which a network that crops sees the middle.
func landscape() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, 64, 32))
	for i := range 64 * 32 {
		x, y := i%64, i/64
		img.SetNRGBA(x, y, color.NRGBA{uint8(90 + 2*x), uint8(200 - 3*y), uint8(60 + x*y/16), 255})
	}
	return img
}

// give drops a file on the page or pastes it there.
func (b *tab) give(how string, files ...[]byte) {
	b.Helper()
	var list []string
	for _, f := range files {
		list = append(list, `"`+base64.StdEncoding.EncodeToString(f)+`"`)
	}
	event := `new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})`
	if how == "paste" {
		event = `new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true})`
	}
	b.do(chromedp.Evaluate[chromedp.Void](`(() => {
		const data = new DataTransfer();
		for (const text of [` + strings.Join(list, ",") + `]) {
			data.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], "a picture"));
		}
		document.querySelector("main").dispatchEvent(` + event + `) })()`))
}

// TestPhotoPage uses the page of a network for photographs: every way to give one, and
// what is shown of it.
func TestPhotoPage(t *testing.T) {
	browser := startBrowser(t)
	dir := photos(t)
	p, err := infer.Load(filepath.Join(dir, "crop"))
	if err != nil {
		t.Fatal(err)
	}
	predictions, err := p.PredictImages(landscape())
	if err != nil {
		t.Fatal(err)
	}
	label := predictions[0].Label
	url := listen(t, Config{Models: dir})
	for name, test := range map[string]func(t *testing.T, b *tab, label string){
		"choose": testChoose, "drop": testDrop, "paste": testPaste, "camera": testCamera, "bars": testBars, "heat": testHeat,
		"several": testSeveral, "unknown": testUnknown, "unreadable": testUnreadable, "refused": testRefused, "looks": testPhotoLooks,
	} {
		t.Run(name, func(t *testing.T) {
			b := openPage(t, browser, url, chromedp.EmulateViewport(1280, 900))
			b.wait(`document.getElementById("answer").textContent === "Choose a picture."`)
			if value[bool](b, `!document.getElementById("paper").hidden || !document.getElementById("undo").hidden`) {
				t.Error("there is a pad, want one for small grey pictures alone")
			}
			test(t, b, label)
			b.quiet()
		})
	}
}

func testChoose(t *testing.T, b *tab, label string) {
	file := filepath.Join(t.TempDir(), "landscape.png")
	if err := os.WriteFile(file, pngFile(t, landscape()), 0o644); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.SetUploadFiles("#file", []string{file}))
	b.says("Looks like " + label)
	b.do(chromedp.Click("#clear"))
	b.wait(`document.getElementById("answer").textContent === "Choose a picture." && document.getElementById("shown").hidden && document.getElementById("places").hidden`)
	b.do(chromedp.SetUploadFiles("#file", []string{file})) // the same once more
	b.says("Looks like " + label)
}

func testDrop(_ *testing.T, b *tab, label string) {
	b.give("drop", pngFile(b, landscape()))
	b.says("Looks like " + label)
}

func testPaste(_ *testing.T, b *tab, label string) {
	b.give("paste", pngFile(b, landscape()))
	b.says("Looks like " + label)
}

// testCamera takes a picture of Chromium's own film, and a camera that is not used any
// more ends.
func testCamera(t *testing.T, b *tab, _ string) {
	start := func() {
		b.do(chromedp.Click("#camera"))
		b.wait(`document.getElementById("film").videoWidth > 0 && document.getElementById("camera").textContent === "Take the picture"`)
	}
	start()
	b.do(chromedp.Evaluate[chromedp.Void](`window.track = document.getElementById("film").srcObject.getTracks()[0]; undefined`), chromedp.Click("#camera"))
	b.says("Looks like ")
	if !value[bool](b, `window.track.readyState === "ended" && document.getElementById("film").hidden && document.getElementById("shown").width > 100`) {
		t.Error("want the picture, and the end of the camera")
	}
	start()
	b.do(chromedp.Click("#clear"))
	b.wait(`document.getElementById("film").srcObject === null && document.getElementById("answer").textContent === "Choose a picture."`)
}

func testBars(t *testing.T, b *tab, label string) {
	b.give("drop", pngFile(t, landscape()))
	b.says("Looks like " + label)
	bars := value[[]string](b, `[...document.querySelectorAll("#bars li")].map((li) => li.querySelector(".name").textContent + (li.className && "!"))`)
	want := slices.Clone(places)
	want[slices.Index(want, label)] += "!"
	if !slices.Equal(bars, want) {
		t.Errorf("bars %q, want %q", bars, want)
	}
	sum := value[float64](b, `[...document.querySelectorAll("#bars .value")].reduce((sum, v) => sum + parseInt(v.textContent), 0)`)
	width := value[float64](b, `[...document.querySelectorAll("#bars .bar")].reduce((sum, v) => sum + parseFloat(v.style.width), 0)`)
	if sum < 97 || sum > 103 || width < 99.9 || width > 100.1 {
		t.Errorf("percents add up to %v, bars to %v, want 100", sum, width)
	}
}

// testHeat: the map lies over the picture that was given, where the network saw it; the
// rest is darker. What the network saw is beside it, in its own pixels.
func testHeat(t *testing.T, b *tab, label string) {
	b.give("drop", pngFile(t, landscape()))
	b.wait(`document.getElementById("places").className === "photograph"`)
	caption := value[string](b, `document.querySelector("#places figcaption").textContent`)
	percent := value[string](b, `document.querySelector(".best .value").textContent`)
	if want := "Places that speak for " + label + ", " + percent; caption != want {
		t.Errorf("caption %q, want %q", caption, want)
	}
	if !value[bool](b, `document.querySelector("#places .legend").offsetHeight > 0 && document.getElementById("mattered").hidden`) {
		t.Error("want a legend, and no pixels for themselves")
	}
	seen := value[[]int](b, `(() => {
		const pixels = (at) => { const c = document.querySelector(at); return [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data] };
		const [before, after] = [pixels("#shown"), pixels("#places canvas")];
		let [dark, coloured] = [0, 0];
		for (let i = 0; i < 64 * 32; i++) {
			const all = [0, 1, 2].map((c) => [before[4 * i + c], after[4 * i + c]]);
			if (all.every(([v, to]) => Math.abs(to - v / 3) <= 1)) dark += i % 64 < 16 || i % 64 >= 48 ? 1 : -9999;
			else if (all.some(([v, to]) => v !== to)) coloured++;
		}
		return [before.length, after.length, dark, coloured] })()`)
	if all := 4 * 64 * 32; seen[0] != all || seen[1] != all || seen[2] != 32*32 || seen[3] < 100 {
		t.Errorf("%d and %d bytes, %d pixels outside of what the network sees are darker and %d inside have a colour; want %d, %d, %d and 100 or more",
			seen[0], seen[1], seen[2], seen[3], all, all, 32*32)
	}
	middle := value[[]int](b, `(() => {
		const c = document.querySelector("#seen canvas"), p = c.getContext("2d").getImageData(5, 7, 1, 1).data;
		return [c.width, c.height, ...p.slice(0, 3)] })()`)
	if c := landscape().NRGBAAt(16+5, 7); !slices.Equal(middle, []int{32, 32, int(c.R), int(c.G), int(c.B)}) {
		t.Errorf("the network sees %v, want 32×32 with %v", middle, c)
	}
}

// testSeveral: a picture of several classes names them all, and each bar shows from where
// on its class counts.
func testSeveral(t *testing.T, b *tab, _ string) {
	b.do(chromedp.SetValue("#model", "several"))
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("model").dispatchEvent(new Event("change")); undefined`))
	b.give("drop", pngFile(t, landscape()))
	b.says("Looks like mountains (")
	if text := value[string](b, `document.getElementById("answer").textContent`); !strings.Contains(text, "%) and sea (") {
		t.Errorf("answer %q, want one with sea too", text)
	}
	marks := value[[]string](b, `[...document.querySelectorAll("#bars li")].map((li) => li.className + getComputedStyle(li.querySelector(".mark")).display + li.querySelector(".mark").style.left)`)
	if want := []string{"block90%", "bestblock10%", "bestblock10%", "block90%"}; !slices.Equal(marks, want) {
		t.Errorf("bars and marks %q, want %q", marks, want)
	}
	if !value[bool](b, `document.getElementById("least").offsetHeight > 0`) {
		t.Error("nothing says what the marks are")
	}
}

// testUnknown: a picture of none of the classes is not said to be of one.
func testUnknown(t *testing.T, b *tab, _ string) {
	b.do(chromedp.Evaluate[chromedp.Void](`import("/backend.js").then(({backend}) => {
		backend.explain = async () => ({class: "sea", classes: ["forest", "sea"], probabilities: [0.4, 0.6], unknown: true}) })`, chromedp.EvalAwaitPromise))
	b.give("drop", pngFile(t, landscape()))
	b.says("None of these; at most sea, 60\u00a0%")
	if n := value[int](b, `document.querySelectorAll("#bars .best").length`); n != 0 {
		t.Errorf("%d bars are those of the answer, want none", n)
	}
}

// testUnreadable: the network may read what the browser does not show.
func testUnreadable(t *testing.T, b *tab, label string) {
	var file bytes.Buffer
	if err := tiff.Encode(&file, landscape(), nil); err != nil {
		t.Fatal(err)
	}
	b.give("drop", file.Bytes())
	b.says("Looks like " + label)
	b.wait(`document.getElementById("hint").offsetHeight > 0 && document.getElementById("hint").textContent === "The browser cannot show this file."`)
	if size := value[int](b, `document.getElementById("places").hidden ? 0 : document.querySelector("#places canvas").width`); size != 32 {
		t.Errorf("the map is %d wide, want it over the network's 32 pixels", size)
	}
}

// testRefused: what is no picture is refused in a line, until there is one.
func testRefused(t *testing.T, b *tab, label string) {
	b.give("drop", []byte("a picture, in words"))
	b.wait(`document.getElementById("error").textContent.startsWith("no picture, want PNG, JPEG") && document.getElementById("answer").textContent === "Choose a picture."`)
	b.give("drop", pngFile(t, landscape()))
	b.says("Looks like " + label)
	b.wait(`document.getElementById("error").textContent === ""`)
	b.give("drop", pngFile(t, landscape()), pngFile(t, landscape()))
	b.wait(`document.getElementById("error").textContent === "2 pictures came, want one."`)
	b.give("paste")
	b.wait(`document.getElementById("error").textContent === "No pictures came, want one."`)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bad = slices.DeleteFunc(b.bad, func(text string) bool { return strings.Contains(text, "status of 400") }) // Chromium notes it
}

// testPhotoLooks: on a phone and on a desk, for eyes and for screen readers.
func testPhotoLooks(t *testing.T, b *tab, label string) {
	b.give("drop", pngFile(t, landscape()))
	b.says("Looks like " + label)
	b.looks()
	for _, width := range []int64{390, 1280} {
		b.do(chromedp.EmulateViewport(width, 900))
		if w := value[int64](b, `document.documentElement.scrollWidth`); w > width {
			t.Errorf("the page is %d wide, the screen %d", w, width)
		}
	}
	var lines []string
	for _, n := range command(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if !n.Ignored && n.Role != nil && n.Name != nil {
			lines = append(lines, fmt.Sprintf("%s %s", n.Role.Value, n.Name.Value))
		}
	}
	for _, want := range []string{
		`"region" "Picture"`, `"image" "The picture"`, `"button" "Clear"`, `"button" "Choose a picture\u2026"`, `"button" "Camera"`, `"list" "Probabilities"`,
		`"image" "The picture as the network gets it, scaled to its size"`, `"image" "The picture with the places that speak for the answer in yellow to red"`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %s among %q", want, lines)
		}
	}
}
