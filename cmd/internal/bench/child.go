package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// child is a side of a measurement: it measures the only combination whenever a
// line with a number of seconds comes in.
func child(ctx context.Context, o options, stdin io.Reader, stdout io.Writer) error {
	c := o.combinations[0]
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(c.Threads))
	w, s, err := o.begin(c)
	if err != nil {
		return err
	}
	answers := json.NewEncoder(stdout)
	if err := answers.Encode(s); err != nil {
		return err
	}
	for lines := bufio.NewScanner(stdin); lines.Scan(); {
		seconds, err := strconv.ParseFloat(lines.Text(), 64)
		if err != nil {
			return fmt.Errorf("bench: %q on standard input, want a number of seconds", lines.Text())
		}
		t, err := measure(ctx, w, time.Duration(seconds*float64(time.Second)))
		if err != nil {
			return err
		}
		t.PeakMB = max(s.StartMB, peakMB())
		if err := answers.Encode(t); err != nil {
			return err
		}
	}
	return nil
}

// begin opens and builds the network and runs it once, with a watch. Then it
// makes the images, whose memory does not count.
func (o options) begin(c combination) (w work, s started, err error) {
	began := time.Now()
	watch := func() (ms float64) {
		ms = float64(time.Since(began)) / 1e6
		began = time.Now()
		return ms
	}
	n, err := o.size.open(c.Model)
	if err != nil {
		return w, s, err
	}
	s.Load = watch()
	if o.child == engineGorgonia {
		w, err = newGorgonia(n, c.Batch)
	} else {
		w, err = newWork(n, c.Mode, c.Batch)
	}
	if err != nil {
		return w, s, err
	}
	s.Build = watch()
	if err := w.afford(); err != nil {
		return w, s, err
	}
	if err := w.step(); err != nil {
		return w, s, err
	}
	s.First, s.StartMB = watch(), peakMB()
	s.Input, s.Images, s.MulAdds, s.Parameters, s.Classes = n.input, w.images, w.mulAdds, w.parameters, w.classes
	if c.Mode == modeInfer || c.Mode == modePredict && !n.asItIs { // Predict normalises images, and puts a SoftMax behind what a file gives
		s.Output = w.firstOutput()
	}
	s.OutputName = n.output
	pool, err := newImages(n.input, w.classes)
	if err != nil {
		return w, s, err
	}
	w.feed(pool)
	debug.FreeOSMemory()
	resetPeak()
	return w, s, nil
}
