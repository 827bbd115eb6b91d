package main

import (
	"context"
	"encoding/base64"
	"image"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tapenet/infer"
)

// TestPage draws on the page in headless Chromium, when the server that it came
// from has ended, and reads what infer says of such a drawing.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skipf("Chromium is not installed: %v", err)
	}
	run, dir := model(t, "lenet5"), filepath.Join(t.TempDir(), "page")
	if _, err := export(t, "-model", run, "-to", "page", "-out", dir); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	browser, _ := chromedp.NewContext(ctx, chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox))
	defer chromedp.Cancel(browser)
	do := func(actions ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(browser, actions...); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(condition string) {
		t.Helper()
		if _, err := chromedp.Run(browser, chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
			t.Fatalf("%v while waiting for %s", err, condition)
		}
	}
	do(chromedp.Navigate(server.URL))
	wait(`document.querySelectorAll("#bars li").length === 3`)
	server.Close()

	// By keyboard: the pen down, a line downwards.
	do(chromedp.Focus("#pad"), chromedp.KeyEvent(" "), chromedp.KeyEvent(strings.Repeat(kb.ArrowDown, 18)))
	wait(`document.getElementById("answer").textContent.startsWith("Looks like a")`)
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
