package label

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPage uses the page as people do, in headless Chromium.
func TestPage(t *testing.T) {
	browser := startBrowser(t)
	run := filepath.Join(t.TempDir(), "run")
	saveModel(t, run, "sea", "town")
	for name, test := range map[string]func(t *testing.T, b *tab, s *server, dir string){
		"keys": testKeys, "classes": testClasses, "files": testFiles, "camera": testCamera, "training": testTrain, "looks": testLooks, "names": testNames,
	} {
		t.Run(name, func(t *testing.T) {
			dir := photos(t)
			s := start(t, options{data: dir, model: run})
			b := openPage(t, browser, s)
			b.wait(`document.querySelectorAll("#grid li").length === 6 && document.getElementById("guessing").hidden`)
			test(t, b, s, dir)
			b.quiet("status of 400", "status of 409", "status of 415")
		})
	}
}

// chosen is the file of the picture that is chosen.
const chosen = `document.querySelector("#grid [aria-selected=true]").ariaLabel.split(",")[0]`

// testKeys sorts with the keyboard alone.
func testKeys(t *testing.T, b *tab, _ *server, dir string) {
	before := files(t, dir)
	b.do(chromedp.Focus(`#filter`), chromedp.KeyEvent("w")) // without a class
	b.wait(`document.querySelectorAll("#grid li").length === 2`)
	b.do(chromedp.Focus(`#grid [tabindex="0"]`))
	first := value[string](b, chosen)
	b.press("2")
	b.wait(`document.querySelectorAll("#grid li").length === 1`)
	b.text("said", first+" is in town.")
	b.press("1")
	b.wait(`document.querySelectorAll("#grid li").length === 0`)
	if after := files(t, dir); after["town/"+first] == "" || strings.Contains(names(after), "unsorted") {
		t.Errorf("files %s, want %s in town and none without a class", names(after), first)
	}
	b.press("u")
	b.wait(`document.querySelectorAll("#grid li").length === 1`)
	b.press("z", chromedp.KeyModifiers(chromedp.ModifierCtrl))
	b.wait(`document.querySelectorAll("#grid li").length === 2`)
	if after := files(t, dir); !maps.Equal(before, after) {
		t.Errorf("after undoing files %s, want %s", names(after), names(before))
	}
	b.wait(`document.getElementById("undo").disabled`)
	b.press("u")
	b.text("error", "There is nothing to undo.")

	b.do(chromedp.Focus(`#filter`), chromedp.KeyEvent(kb.Home))
	b.wait(`document.querySelectorAll("#grid li").length === 6`)
	b.do(chromedp.Focus(`#grid [tabindex="0"]`))
	b.press(kb.ArrowRight + kb.ArrowRight + kb.ArrowLeft + kb.End + kb.Home)
	at := value[string](b, `document.querySelector("#grid li:first-child").ariaSelected + (document.activeElement === document.querySelector("#grid li:first-child"))`)
	if at != "truetrue" {
		t.Errorf("the first picture is chosen, and has the focus: %s, want both", at)
	}
	b.press("1212") // quickly
	b.text("said", "is in town.")
	b.press(kb.Delete)
	b.text("said", "put aside")
	b.wait(`document.querySelectorAll("#grid li").length === 5`)
	b.press("u")
	b.wait(`document.querySelectorAll("#grid li").length === 6`)
	b.press("uuuu")
	b.wait(`document.getElementById("undo").disabled`)
	if after := files(t, dir); !maps.Equal(before, after) {
		t.Errorf("after undoing all files %s, want %s", names(after), names(before))
	}
	b.press(kb.Enter)
	b.text("said", " is in ")
}

// testClasses makes a class and moves a picture there with the mouse.
func testClasses(t *testing.T, b *tab, _ *server, dir string) {
	b.do(chromedp.Focus("#class-name"))
	b.press("boats 12u\r") // no keys of classes in a field
	b.wait(`document.querySelectorAll("#classes li").length === 4`)
	if into := value[string](b, `document.getElementById("into").value`); into != "boats 12u" {
		t.Errorf("pictures go into %q, want the new class", into)
	}
	b.press("../x\r")
	b.text("error", "The class's name")
	b.do(chromedp.Click("#grid li:nth-child(3)"))
	file := value[string](b, chosen)
	b.do(chromedp.Click(`#classes button[data-class="boats 12u"]`))
	b.text("said", file+" is in boats 12u.")
	if after := files(t, dir); after["boats 12u/"+file] == "" {
		t.Errorf("files %s, want %s in boats 12u", names(after), file)
	}
	keys := value[string](b, `[...document.querySelectorAll("#classes kbd")].map((k) => k.textContent).join("")`)
	last := value[string](b, `document.querySelector("#classes li:nth-child(3) button").dataset.class`)
	if keys != "1230" || last != "boats 12u" {
		t.Errorf("keys %s, the third is that of %s: want the new class after the others", keys, last)
	}
}

// testFiles uploads files, and tries one.
func testFiles(t *testing.T, b *tab, _ *server, dir string) {
	elsewhere := t.TempDir()
	put(t, filepath.Join(elsewhere, "new.png"), drawn(t, 6))
	put(t, filepath.Join(elsewhere, "1.png"), drawn(t, 7))
	put(t, filepath.Join(elsewhere, "text.png"), []byte("no picture"))
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("into").value = "town"`))
	b.do(chromedp.SetUploadFiles("#files", []string{filepath.Join(elsewhere, "new.png"), filepath.Join(elsewhere, "1.png"), filepath.Join(elsewhere, "text.png")}))
	b.text("gathered", "2 pictures arrived.")
	b.text("error", "text.png: No picture, want PNG")
	b.wait(`document.querySelectorAll("#grid li").length === 8`)
	if after := files(t, dir); after["town/new.png"] != string(drawn(t, 6)) || after["town/1-2.png"] != string(drawn(t, 7)) {
		t.Errorf("files %s, want new.png and 1-2.png in town", names(after))
	}
	drop := `(selector, name) => {
		const data = new DataTransfer(), bytes = Uint8Array.from(atob(%q), (c) => c.charCodeAt(0));
		data.items.add(new File([bytes], name));
		document.querySelector(selector).dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})) }`
	drop = fmt.Sprintf(drop, "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")
	b.do(chromedp.Evaluate[chromedp.Void](`(` + drop + `)("#classes li:nth-child(1) kbd", "dropped.png")`))
	b.wait(`document.querySelectorAll("#grid li").length === 9`)
	if after := files(t, dir); after["sea/dropped.png"] == "" {
		t.Errorf("files %s, want dropped.png in sea", names(after))
	}
	b.do(chromedp.SetUploadFiles("#try", []string{filepath.Join(elsewhere, "new.png")}))
	b.text("seen", "It sees ")
	b.wait(`document.querySelectorAll("#bars li.best").length === 1 && !document.getElementById("tried").hidden`)
	if n := value[int](b, `document.querySelectorAll("#bars li").length`); n != 2 {
		t.Errorf("%d bars, want 2", n)
	}
}

// testCamera takes pictures with the camera while a button is held, with the mouse and
// with a key, and the network looks through it.
func testCamera(t *testing.T, b *tab, _ *server, dir string) {
	b.do(chromedp.Click("#camera"))
	b.text("seen", "It sees ")
	b.do(chromedp.Evaluate[chromedp.Void](`document.getElementById("into").value = "sea"`), chromedp.ScrollIntoView("#hold"))
	box := value[[]float64](b, `(() => { const r = document.getElementById("hold").getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2] })()`)
	b.do(chromedp.MouseEvent(chromedp.MousePressed, box[0], box[1], chromedp.ButtonLeft, chromedp.ClickCount(1)))
	b.wait(`parseInt(document.getElementById("gathered").textContent) >= 1 && document.querySelectorAll("#grid li").length >= 8`)
	b.do(chromedp.MouseEvent(chromedp.MouseReleased, box[0], box[1], chromedp.ButtonLeft, chromedp.ClickCount(1)))
	taken := func() (n int) {
		for name := range files(t, dir) {
			if strings.HasPrefix(name, "sea/camera-") && strings.HasSuffix(name, ".jpg") {
				n++
			}
		}
		return n
	}
	b.wait(`document.getElementById("gathered").textContent.includes("arrived.")`)
	before := taken()
	if before < 2 {
		t.Errorf("%d pictures of the camera in sea, want 2 or more", before)
	}
	b.do(chromedp.Focus("#hold"), chromedp.KeyEvent(" "))
	b.wait(fmt.Sprintf(`document.querySelectorAll("#grid li").length > %d`, 6+before))
	b.do(chromedp.Click("#camera"))
	b.wait(`document.getElementById("video").hidden && document.getElementById("hold").disabled`)
}

// testTrain trains from the page, sees the new model's guesses, and an error.
func testTrain(t *testing.T, b *tab, s *server, _ string) {
	pretending(t, "well")
	b.do(chromedp.Click("#start"))
	b.text("training", "The model is in "+s.training.out)
	b.text("model", "Guesses of "+s.training.out)
	b.wait(`document.getElementById("guessing").hidden && !document.getElementById("start").disabled`)
	os.Setenv("TAPENET_TEST_TRAIN", "fail")
	b.do(chromedp.Click("#start"))
	b.text("training", "The training failed: data: one class, want two or more")
}

// testLooks: the page stays in its width, on a phone too, text has the contrast that
// WCAG's level AA wants, light or dark, and nothing moves for those who do not want it.
func testLooks(t *testing.T, b *tab, _ *server, dir string) {
	put(t, filepath.Join(dir, "sea", strings.Repeat("long", 40)+".png"), drawn(t, 1))
	b.do(chromedp.Evaluate[chromedp.Void](`dispatchEvent(new Event("focus"))`))
	b.wait(`document.querySelectorAll("#grid li").length === 7 && document.getElementById("guessing").hidden`)
	b.do(chromedp.SetUploadFiles("#try", []string{filepath.Join(dir, "sea/1.png")}))
	b.text("seen", "It sees ")
	for _, width := range []int64{390, 1280} {
		b.do(chromedp.EmulateViewport(width, 844))
		if w := value[int64](b, `document.documentElement.scrollWidth`); w > width {
			t.Errorf("the page is %d wide, the screen %d", w, width)
		}
	}
	grounds := map[string]bool{}
	for _, scheme := range []string{"light", "dark"} {
		command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		grounds[value[string](b, `getComputedStyle(document.documentElement).backgroundColor`)] = true
		for _, bad := range value[[]string](b, lowContrasts) {
			t.Errorf("%s: contrast below 4.5 of %s", scheme, bad)
		}
		if moves := value[string](b, `getComputedStyle(document.querySelector(".track span")).transitionDuration`); moves != "0s" {
			t.Errorf("%s: bars move for %s", scheme, moves)
		}
	}
	if len(grounds) != 2 {
		t.Errorf("grounds %v, want another one in the dark", grounds)
	}
}

// lowContrasts are the texts that are hard to read, but for those of what is disabled.
const lowContrasts = `(() => {
	const rgb = (text) => text.match(/[\d.]+/g).map(Number);
	const light = (c) => c.slice(0, 3).map((v) => v / 255)
		.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
		.reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
	const ground = (e) => { const c = rgb(getComputedStyle(e).backgroundColor); return c[3] === 0 && e.parentElement ? ground(e.parentElement) : c };
	const bad = [];
	for (const e of document.querySelectorAll("body *")) {
		if (!e.offsetParent || e.closest(":disabled") || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
		const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
		const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (contrast < 4.5) bad.push(e.textContent + ": " + contrast);
	}
	return bad })()`

// testNames looks at the page as a screen reader does, and goes through it with Tab.
func testNames(t *testing.T, b *tab, _ *server, _ string) {
	var lines []string
	for _, n := range command(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if !n.Ignored && n.Role != nil && n.Name != nil {
			lines = append(lines, fmt.Sprintf("%s %s", n.Role.Value, n.Name.Value))
		}
	}
	for _, want := range []string{
		`"listbox" "Pictures"`, `"list" "Classes: move the chosen picture to"`, `"button" "sea, 2 pictures"`, `"button" "no class, 2 pictures"`, `"combobox" "Show"`,
		`"combobox" "Into"`, `"textbox" "New class"`, `"button" "Choose files"`, `"button" "Try a picture"`, `"button" "Train"`, `"region" "Gather"`, `"navigation" "On this page"`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %s among %q", want, lines)
		}
	}
	if !slices.ContainsFunc(lines, func(l string) bool {
		return strings.HasPrefix(l, `"option" "1.png, in sea, looks like `) && strings.Contains(l, "%")
	}) {
		t.Errorf("no option for sea/1.png with its guess among %q", lines)
	}
	var stops []string
	for range 20 {
		b.do(chromedp.KeyEvent(kb.Tab))
		stop := value[string](b, `(() => {
			const e = document.activeElement, shown = e.type === "file" ? e.parentElement : e, s = getComputedStyle(shown);
			return (e.id || e.dataset.class || e.hash || e.role || e.localName) + (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 ? "" : " without focus ring") })()`)
		if stop != "" {
			stops = append(stops, stop)
		}
	}
	want := "#sort #gather #train #preview sea town button class-name button remove filter option into camera files start try"
	if got := strings.Join(stops, " "); !strings.HasPrefix(got, want) {
		t.Errorf("Tab goes to %s, want %s", got, want)
	}
}
