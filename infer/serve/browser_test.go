package serve

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tapenet/modelzoo"
	"tapenet/train"
	"tapenet/train/data"
)

// runs is a folder with the runs cnn, which has learned enough to read clear
// digits, and lenet5, which has not learned anything.
func runs(t testing.TB) (dir string) {
	t.Helper()
	d, err := data.MNIST()
	if err != nil {
		t.Fatal(err)
	}
	d.Train, d.Test = data.Limit(d.Train, 8000), data.Limit(d.Test, 100)
	dir = t.TempDir()
	_, err = train.Fit(t.Context(), modelzoo.CNN(10), d, train.Config{
		Epochs: 1, Batch: 64, Optimizer: train.Adam{LR: 0.002}, Seed: 1, Model: "cnn", Dir: filepath.Join(dir, "cnn"),
	})
	if err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join(dir, "lenet5"), "lenet5", 1)
	return dir
}

// tab is a page in headless Chromium.
type tab struct {
	*testing.T
	ctx context.Context
	url string

	mu   sync.Mutex
	bad  []string // errors on the console, and requests to others
	good int      // requests to the server
}

// startBrowser starts Chromium, which ends with the test. It has a camera that sees a
// film of Chromium's own.
func startBrowser(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs chromium")
	}
	ctx, _ := chromedp.NewContext(context.Background(), chromedp.WithAllocatorOptions(chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("use-fake-device-for-media-stream", true), chromedp.Flag("use-fake-ui-for-media-stream", true)))
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Error(err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// listen serves on a port of this machine until the test ends.
func listen(t *testing.T, c Config) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Log = slog.New(slog.DiscardHandler)
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// openPage opens the page in a new tab.
func openPage(t *testing.T, browser context.Context, url string, before ...chromedp.Action[chromedp.Void]) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	t.Cleanup(cancel)
	b := &tab{T: t, ctx: ctx, url: url}
	if err := chromedp.Listen(ctx, b.event); err != nil {
		t.Fatal(err)
	}
	b.do(before...)
	b.do(chromedp.Navigate(url))
	return b
}

// event notes what must not be.
func (b *tab) event(e any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		b.bad = append(b.bad, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		b.bad = append(b.bad, fmt.Sprintf("console: %s", e.Type))
	case *cdplog.EventEntryAdded:
		b.bad = append(b.bad, e.Entry.Text)
	case *network.EventRequestWillBeSent:
		switch {
		case strings.HasPrefix(e.Request.URL, b.url+"/"):
			b.good++
		case !strings.HasPrefix(e.Request.URL, "data:"):
			b.bad = append(b.bad, "request for "+e.Request.URL)
		}
	}
}

// quiet demands that nothing bad was noted.
func (b *tab) quiet() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.bad) > 0 || b.good < 8 {
		b.Errorf("%d requests, and %q, want the page's seven files, /explain and no complaint", b.good, b.bad)
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatal(err)
	}
}

// value is that of a JavaScript expression.
func value[T any](b *tab, expression string) T {
	b.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// command sends a command of Chromium's.
func command[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.Helper()
	r, err := chromedp.Call(b.ctx, c, params)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// wait waits until a JavaScript condition holds.
func (b *tab) wait(condition string) {
	b.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[chromedp.Void](condition, chromedp.WithPollingTimeout(20*time.Second))); err != nil {
		b.Fatalf("%v while waiting for %s; the page says %q, %q", err, condition,
			value[string](b, `document.getElementById("answer").textContent`), value[string](b, `document.getElementById("error").textContent`))
	}
}

// says waits until the answer begins so.
func (b *tab) says(text string) {
	b.Helper()
	b.wait(fmt.Sprintf(`document.getElementById("answer").textContent.startsWith(%q)`, text))
}

type point struct{ x, y float64 }

// Digits as people write them, stroke by stroke, on a pad of 280×280.
var (
	zero  = [][]point{circle(140, 140, 55, 85)}
	one   = [][]point{{{140, 45}, {138, 235}}}
	four  = [][]point{{{105, 50}, {85, 150}, {200, 150}}, {{170, 60}, {165, 240}}}
	seven = [][]point{{{75, 60}, {200, 60}, {130, 235}}}
)

func circle(x, y, rx, ry float64) (stroke []point) {
	for i := range 25 {
		s, c := math.Sincos(float64(i) * math.Pi / 12)
		stroke = append(stroke, point{x + rx*s, y - ry*c})
	}
	return stroke
}

// points are those of a stroke, at most 12 apart.
func points(stroke []point) []point {
	points := stroke[:1:1]
	for _, to := range stroke[1:] {
		from := points[len(points)-1]
		n := math.Ceil(math.Hypot(to.x-from.x, to.y-from.y) / 12)
		for i := 1.0; i <= n; i++ {
			points = append(points, point{from.x + (to.x-from.x)*i/n, from.y + (to.y-from.y)*i/n})
		}
	}
	return points
}

// onPad calls f with the points of each stroke, on the screen.
func (b *tab) onPad(strokes [][]point, f func(points []point)) {
	b.Helper()
	b.do(chromedp.ScrollIntoView("#pad"))
	box := value[[]float64](b, `(() => { const r = document.getElementById("pad").getBoundingClientRect(); return [r.left, r.top, r.width, r.height] })()`)
	for _, stroke := range strokes {
		points := points(stroke)
		for i, p := range points {
			points[i] = point{box[0] + p.x*box[2]/280, box[1] + p.y*box[3]/280}
		}
		f(points)
	}
}

// draw draws with the mouse.
func (b *tab) draw(strokes [][]point) {
	b.Helper()
	b.onPad(strokes, func(points []point) {
		first, last := points[0], points[len(points)-1]
		b.do(chromedp.MouseEvent(chromedp.MousePressed, first.x, first.y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
		for _, p := range points[1:] {
			b.do(chromedp.MouseEvent(chromedp.MouseMoved, p.x, p.y, chromedp.ButtonLeft))
		}
		b.do(chromedp.MouseEvent(chromedp.MouseReleased, last.x, last.y, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	})
}

// touch draws with a finger.
func (b *tab) touch(strokes [][]point) {
	b.Helper()
	b.onPad(strokes, func(points []point) {
		for i, p := range points {
			kind := input.DispatchTouchEventTypeTouchMove
			if i == 0 {
				kind = input.DispatchTouchEventTypeTouchStart
			}
			command(b, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: []*input.TouchPoint{{X: p.x, Y: p.y}}})
		}
		command(b, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
	})
}
