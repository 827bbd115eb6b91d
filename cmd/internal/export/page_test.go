package export

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tapenet/graph/raster"
	"tapenet/infer"
)

// TestPage draws on the page in headless Chromium, when the server that it came
// from has ended, and reads what infer says of such a drawing.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	run := model(t, "lenet5")
	server, folder, browser := openPage(t, run)
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(browser, actions...); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(condition string) { t.Helper(); waitFor(t, browser, condition) }
	wait(`document.querySelectorAll("#bars li").length === 3`)
	server.Close()

	// By keyboard: the pen down, a line downwards.
	do(chromedp.Focus("#pad"), chromedp.KeyEvent(" "), chromedp.KeyEvent(strings.Repeat(kb.ArrowDown, 18)))
	wait(`document.getElementById("answer").textContent.startsWith("Looks like ")`)
	p, err := infer.Load(run)
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.PredictImages(drawn(t, browser))
	if err != nil {
		t.Fatal(err)
	}
	wait(`document.querySelector("#bars .best .name").textContent === ` + strconv.Quote(want[0].Label))
	if hidden, err := chromedp.Run(browser, chromedp.Evaluate[bool](`!document.getElementById("seen").hidden && document.getElementById("maps").hidden`)); err != nil || !hidden {
		t.Errorf("the prepared picture is to be seen, feature maps are not: %v, %v", hidden, err)
	}
	wait(`!document.getElementById("places").hidden`)

	// From the folder itself no browser runs it.
	do(chromedp.Navigate("file://" + filepath.ToSlash(filepath.Join(folder, "index.html"))))
	wait(`getComputedStyle(document.getElementById("unserved")).visibility === "visible" && document.getElementById("unserved").innerText.includes("not as a file")`)
}

// TestPhotoPage gives a photograph to the page of a network for these, and reads what infer
// says of it; the places that speak for it lie over it.
func TestPhotoPage(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	run := prepared(t, raster.Preprocessing{Fit: raster.Crop})
	_, _, browser := openPage(t, run)
	waitFor(t, browser, `document.getElementById("answer").textContent === "Choose a picture." && document.getElementById("paper").hidden`)
	file, img := filepath.Join(t.TempDir(), "photograph.png"), waves(90, 60)
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Do(browser, chromedp.SetUploadFiles("#file", []string{file})); err != nil {
		t.Fatal(err)
	}
	p, err := infer.Load(run)
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.PredictImages(img)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, browser, `document.querySelector("#bars .best .name")?.textContent === `+strconv.Quote(want[0].Label))
	waitFor(t, browser, `document.getElementById("places").className === "photograph"`)
	// 60 of the 90 columns are seen.
	dark, err := chromedp.Run(browser, chromedp.Evaluate[int](`(() => {
		const row = (at) => document.querySelector(at).getContext("2d").getImageData(0, 30, 90, 1).data;
		const [before, after] = [row("#shown"), row("#places canvas")];
		return [...Array(90).keys()].filter((x) => [0, 1, 2].every((c) => Math.abs(after[4 * x + c] - before[4 * x + c] / 3) <= 1)).length })()`))
	if err != nil || dark != 30 {
		t.Errorf("%d columns are darker, want the 30 that the network does not see; %v", dark, err)
	}
}

// openPage exports a run as a page and opens it in headless Chromium, from a server of
// files of the folder.
func openPage(t *testing.T, run string) (server *httptest.Server, folder string, browser context.Context) {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("Chromium is not installed: %v", err)
	}
	folder = filepath.Join(t.TempDir(), "page")
	if _, err := export(t, "-model", run, "-to", "page", "-out", folder); err != nil {
		t.Fatal(err)
	}
	server = httptest.NewServer(http.FileServer(http.Dir(folder)))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	browser, _ = chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox))
	t.Cleanup(func() { chromedp.Cancel(browser) })
	if err := chromedp.Do(browser, chromedp.Navigate(server.URL)); err != nil {
		t.Fatal(err)
	}
	return server, folder, browser
}

func waitFor(t *testing.T, browser context.Context, condition string) {
	t.Helper()
	if _, err := chromedp.Run(browser, chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(40*time.Second))); err != nil {
		t.Fatalf("%v while waiting for %s", err, condition)
	}
}

// pageSays are the exported page's answers to files, nil to those that the browser does not read.
func pageSays(t *testing.T, run string, names []string, files map[string][]byte) (probabilities [][]float32) {
	t.Helper()
	_, folder, browser := openPage(t, run)
	for i, name := range names {
		if err := os.WriteFile(filepath.Join(folder, "picture"+strconv.Itoa(i)), files[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := chromedp.Run(browser, chromedp.Evaluate[chromedp.Void](`window.said = []; (async () => {
		const {backend} = await import("./backend.js");
		for (let i = 0; i < `+strconv.Itoa(len(names))+`; i++) {
			const file = await (await fetch("picture" + i)).blob();
			said.push(await backend.explain("", file).then((a) => a.probabilities, (e) => ({error: e.message})));
		}
	})(); undefined`))
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, browser, `said.length === `+strconv.Itoa(len(names)))
	list, err := chromedp.Run(browser, chromedp.Evaluate[[]json.RawMessage](`said`))
	if err != nil {
		t.Fatal(err)
	}
	for i, one := range list {
		var p []float32
		if err := json.Unmarshal(one, &p); err != nil && !ofKind(names[i], "TIFF") {
			t.Errorf("%s: the page says %s", names[i], one)
		}
		probabilities = append(probabilities, p)
	}
	return probabilities
}

// drawn is what is on the page's pad.
func drawn(t *testing.T, browser context.Context) image.Image {
	t.Helper()
	address, err := chromedp.Run(browser, chromedp.Evaluate[string](`document.getElementById("pad").toDataURL()`))
	if err != nil {
		t.Fatal(err)
	}
	_, data, _ := strings.Cut(address, "base64,")
	img, err := infer.DecodeImage(base64.NewDecoder(base64.StdEncoding, strings.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	return img
}
