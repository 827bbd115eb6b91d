package serve

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPageFiles: the page comes with a policy that lets it ask nobody else, and
// all that it links to is there.
func TestPageFiles(t *testing.T) {
	s := start(t, func(c *Config) { c.Token = "secret" })
	files, err := os.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		path := "/" + strings.TrimSuffix(f.Name(), "index.html")
		w := ask(t, s, "GET", path, nil)
		h := w.Header()
		if w.Code != http.StatusOK || w.Body.Len() == 0 || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: status %d, %v", path, w.Code, h)
		}
		if p := h.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'; script-src 'self';") || strings.Contains(p, "unsafe") {
			t.Errorf("%s: policy %q", path, p)
		}
		if kind := h.Get("Content-Type"); kind == "" || strings.Contains(kind, "json") {
			t.Errorf("%s: type %q", path, kind)
		}
		wantFailure(t, ask(t, s, "POST", path, nil), http.StatusMethodNotAllowed, "want GET")
	}
}

// TestPage uses the page as people do, in headless Chromium.
func TestPage(t *testing.T) {
	browser := startBrowser(t)
	url := listen(t, Config{Models: runs(t)})
	for name, test := range map[string]func(t *testing.T, b *tab){
		"mouse": testMouse, "touch": testTouch, "keyboard": testKeyboard, "models": testModels,
		"given": testGiven, "names": testNames, "looks": testLooks, "probabilities alone": testProbabilitiesAlone, "errors": testPageErrors,
	} {
		t.Run(name, func(t *testing.T) {
			b := openPage(t, browser, url, chromedp.EmulateViewport(1100, 900))
			b.wait(`document.querySelectorAll("#bars li").length === 10`)
			test(t, b)
			b.quiet()
		})
	}
	t.Run("token", func(t *testing.T) {
		testPageToken(t, openPage(t, browser, listen(t, Config{Models: folder(t), Token: "secret"})))
	})
}

// TestPageAsFile: a page that is opened as a file, whose scripts no browser runs, says what
// to do.
func TestPageAsFile(t *testing.T) {
	dir, err := filepath.Abs("page")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(startBrowser(t), time.Minute)
	defer cancel()
	b := &tab{T: t, ctx: ctx}
	b.do(chromedp.Navigate("file://" + filepath.ToSlash(filepath.Join(dir, "index.html"))))
	b.wait(`getComputedStyle(document.getElementById("unserved")).visibility === "visible" && document.getElementById("unserved").innerText.includes("not as a file")`)
}

const blank = `document.getElementById("answer").textContent === "Draw a digit." && document.getElementById("seen").hidden`

func testMouse(t *testing.T, b *tab) {
	for digit, strokes := range map[string][][]point{"0": zero, "1": one, "4": four, "7": seven} {
		b.draw(strokes)
		b.says("Looks like a " + digit + ", ")
		bars := value[[]string](b, `[...document.querySelectorAll("#bars li")].map((li) => li.className + li.innerText.replace(/\s+/g, " "))`)
		if len(bars) != 10 || !slices.ContainsFunc(bars, func(bar string) bool { return strings.HasPrefix(bar, "best"+digit+" ") }) {
			t.Errorf("bars %q, want that of %s as the best", bars, digit)
		}
		b.do(chromedp.Click("#clear"))
		b.wait(blank)
	}
	b.draw([][]point{{{140, 140}}}) // a dot
	b.says("Looks like a")
	b.do(chromedp.Click("#clear"))
	b.wait(blank)
	b.draw(one)
	b.says("Looks like a 1")
	b.draw([][]point{{{60, 250}, {240, 250}}})
	b.do(chromedp.Click("#undo"))
	b.says("Looks like a 1")

	// What the network sees is on the page: light strokes on black, 28×28, with
	// the centre of mass in the middle; the pixels that mattered in orange; and the
	// places that speak for the class from yellow to red.
	x := value[float64](b, `(() => {
		const canvas = document.querySelector("#seen canvas"), pixels = canvas.getContext("2d").getImageData(0, 0, 28, 28).data;
		let mass = 0, sum = 0;
		for (let i = 0; i < 784; i++) { mass += pixels[4*i]; sum += pixels[4*i] * (i % 28 + 0.5) }
		return canvas.width === 28 && canvas.height === 28 ? sum / mass : -1 })()`)
	if x < 14 || x > 15 {
		t.Errorf("the centre of mass is at %v, want 14 to 15", x)
	}
	for _, id := range []string{"mattered", "places"} {
		if n := value[int](b, `(() => {
			const p = document.querySelector("#`+id+` canvas").getContext("2d").getImageData(0, 0, 28, 28).data;
			return [...Array(784).keys()].filter((i) => p[4*i] > p[4*i+2]).length })()`); n < 20 {
			t.Errorf("%s: %d pixels are orange, want 20 or more", id, n)
		}
	}
	if label := value[string](b, `document.querySelector("#maps canvas").ariaLabel`); !strings.HasPrefix(label, "32 feature maps") {
		t.Errorf("maps %q, want 32", label)
	}
	b.do(chromedp.Click("#undo"))
	b.wait(blank)
}

// testTouch draws on a narrow phone. The page stays in its width and does not
// scroll under the finger.
func testTouch(t *testing.T, b *tab) {
	b.do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.touch(seven)
	b.says("Looks like a 7")
	if y := value[float64](b, `window.scrollY`); y != 0 {
		t.Errorf("the page has scrolled by %v", y)
	}
	if w := value[int](b, `document.documentElement.scrollWidth`); w > 360 {
		t.Errorf("the page is %d wide, the screen 360", w)
	}
}

// testKeyboard goes to everything with Tab, sees where it is, and draws.
func testKeyboard(t *testing.T, b *tab) {
	var stops []string
	for range 4 {
		b.do(chromedp.KeyEvent(kb.Tab))
		stops = append(stops, value[string](b, `(() => {
			const s = getComputedStyle(document.activeElement);
			return document.activeElement.id + (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 ? "" : " without focus ring") })()`))
	}
	if got := strings.Join(stops, ", "); got != "model, pad, clear, undo" {
		t.Errorf("Tab goes to %s, want model, pad, clear, undo", got)
	}
	b.do(chromedp.Focus("#pad"), chromedp.KeyEvent(" "))
	b.wait(`document.getElementById("pen").textContent === "Pen down"`)
	b.do(chromedp.KeyEvent(strings.Repeat(kb.ArrowDown, 18)), chromedp.KeyEvent(" "))
	b.says("Looks like a 1")
	b.wait(`document.getElementById("pen").textContent === "Pen up"`)
	before := value[string](b, `document.getElementById("pad").toDataURL()`)
	b.do(chromedp.KeyEvent(strings.Repeat(kb.ArrowRight, 5)))
	if value[string](b, `document.getElementById("pad").toDataURL()`) != before {
		t.Error("it draws with the pen up")
	}
	b.do(chromedp.KeyEvent(kb.Backspace))
	b.wait(blank)

	// A 7, and Delete.
	b.do(chromedp.KeyEvent(strings.Repeat(kb.ArrowUp, 18)+strings.Repeat(kb.ArrowLeft, 11)+" "+strings.Repeat(kb.ArrowRight, 12)),
		chromedp.KeyEvent(strings.Repeat(kb.ArrowDown+kb.ArrowDown+kb.ArrowDown+kb.ArrowLeft, 6)+" "))
	b.says("Looks like a 7")
	b.do(chromedp.KeyEvent(kb.Delete))
	b.wait(blank)
}

func testModels(t *testing.T, b *tab) {
	b.draw(four)
	b.says("Looks like a 4")
	b.do(chromedp.Focus("#model"), chromedp.KeyEvent(kb.ArrowDown))
	b.wait(`document.querySelector("#maps canvas").ariaLabel.startsWith("6 feature maps")`)
	if got := value[string](b, `document.getElementById("model").value`); got != "lenet5" {
		t.Errorf("model %q, want lenet5", got)
	}
}

// testGiven: a picture may be given instead of a drawing, and taken back.
func testGiven(t *testing.T, b *tab) {
	b.draw(one)
	b.says("Looks like a 1")
	b.give("drop", pngFile(t, drawing()))
	b.wait(`!document.getElementById("frame").hidden && document.getElementById("paper").hidden && document.getElementById("places").className === "photograph"`)
	if size := value[[]int](b, `(() => { const c = document.querySelector("#places canvas"); return [c.width, c.height] })()`); !slices.Equal(size, []int{drawing().Bounds().Dx(), drawing().Bounds().Dy()}) {
		t.Errorf("the map lies over a picture of %v, want that of the one that was given", size)
	}
	b.do(chromedp.Click("#clear"))
	b.wait(blank + ` && document.getElementById("frame").hidden && !document.getElementById("paper").hidden`)
	b.draw(one)
	b.says("Looks like a 1")
}

// testNames looks at the page as a screen reader does.
func testNames(t *testing.T, b *tab) {
	b.draw(seven)
	b.says("Looks like a 7")
	var lines []string
	for _, n := range command(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if !n.Ignored && n.Role != nil && n.Name != nil {
			lines = append(lines, fmt.Sprintf("%s %s", n.Role.Value, n.Name.Value))
		}
	}
	for _, want := range []string{
		`"combobox" "Model"`, `"application" "Drawing area"`, `"button" "Clear"`, `"button" "Undo"`, `"list" "Probabilities"`,
		`"image" "The drawing as the network gets it, centred and scaled"`, `"image" "32 feature maps, bright where a filter found what it looks for"`,
		`"image" "The same with the pixels that mattered most for the answer in orange"`,
		`"image" "The same with the places that speak for the answer in yellow to red"`, `"region" "Inside the network"`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %s among %q", want, lines)
		}
	}
	live := value[string](b, `(() => { const a = document.getElementById("answer"); return a.role + " " + a.ariaLive + " " + a.textContent.replace("\u00a0", " ").replace(/\d+ %/, "N %") })()`)
	if live != "status polite Looks like a 7, N %" {
		t.Errorf("what is read out is %q", live)
	}
}

// testLooks: text has the contrast that WCAG's level AA wants, light or dark, and
// nothing moves for those who do not want it.
func testLooks(t *testing.T, b *tab) {
	b.draw(seven)
	b.says("Looks like a 7")
	b.looks()
}

func (b *tab) looks() {
	b.Helper()
	grounds := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		grounds[value[string](b, `getComputedStyle(document.documentElement).backgroundColor`)] = true
		for _, bad := range value[[]string](b, `(() => {
			const rgb = (text) => text.match(/[\d.]+/g).map(Number);
			const light = (c) => c.slice(0, 3).map((v) => v / 255)
				.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
				.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
			const ground = (e) => { const c = rgb(getComputedStyle(e).backgroundColor); return c[3] === 0 ? ground(e.parentElement) : c };
			const bad = [];
			for (const e of document.querySelectorAll("body *")) {
				if (!e.offsetParent || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
				const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
				const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
				if (contrast < 4.5) bad.push(e.textContent + ": " + contrast);
			}
			return bad })()`) {
			b.Errorf("%s: contrast below 4.5 of %s", scheme, bad)
		}
		if moves := value[string](b, `getComputedStyle(document.querySelector(".bar")).transitionDuration`); moves != "0s" {
			b.Errorf("%s: bars move for %s", scheme, moves)
		}
	}
	if len(grounds) != 2 {
		b.Errorf("grounds %v, want another one in the dark", grounds)
	}
}

// testProbabilitiesAlone puts another backend in the server's place, one that
// knows no more than probabilities.
func testProbabilitiesAlone(t *testing.T, b *tab) {
	b.draw(one)
	b.says("Looks like a 1")
	b.do(chromedp.Evaluate[chromedp.Void](`import("/backend.js").then(({backend}) => {
		backend.explain = async () => ({class: "8", classes: ["7", "8"], probabilities: [0.25, 0.75]});
		document.getElementById("pad").focus() })`, chromedp.EvalAwaitPromise))
	b.do(chromedp.KeyEvent(" "))
	b.says("Looks like an 8, 75\u00a0%")
	if !value[bool](b, `["seen", "mattered", "places", "maps"].every((id) => document.getElementById(id).hidden)`) {
		t.Error("pictures that nobody has given are shown")
	}
}

// testPageErrors: an error is shown until there is an answer again.
func testPageErrors(t *testing.T, b *tab) {
	b.do(chromedp.Evaluate[chromedp.Void](`import("/backend.js").then(({backend}) => {
		const explain = backend.explain;
		backend.explain = async function (...args) { backend.explain = explain; throw new Error("The server is busy.") };
		document.getElementById("pad").focus() })`, chromedp.EvalAwaitPromise))
	b.do(chromedp.KeyEvent(" "))
	b.wait(`document.getElementById("error").textContent === "The server is busy."`)
	b.do(chromedp.KeyEvent(strings.Repeat(kb.ArrowDown, 18)))
	b.says("Looks like a 1")
	b.wait(`document.getElementById("error").textContent === ""`)
}

// testPageToken: the page asks for the token, and keeps it to itself.
func testPageToken(t *testing.T, b *tab) {
	b.wait(`!document.getElementById("access").hidden && document.activeElement.id === "token"`)
	b.do(chromedp.KeyEvent("wrong\r"))
	b.wait(`document.getElementById("error").textContent.includes("token")`)
	b.do(chromedp.KeyEvent("secret\r"))
	b.wait(`document.getElementById("access").hidden && document.querySelectorAll("#bars li").length === 10`)
	b.draw(one)
	b.says("Looks like")
	if kept := value[string](b, `JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie + location.href`); strings.Contains(kept, "secret") {
		t.Errorf("the token is kept: %s", kept)
	}
}
