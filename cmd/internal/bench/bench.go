// Package bench is the command that measures training and inference: images a second,
// time and allocations of a step, memory, and the share of the machine's peak.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"tapenet/cmd/internal/cli"
	"time"
)

// Command is the command.
var Command = cli.Command{Name: "bench", Doc: "measure the speed of training and inference", Run: run}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	switch {
	case err != nil:
		return err
	case o.child == engineLanes:
		return lanesChild(ctx, o, stdout)
	case o.child != "":
		return child(ctx, o, os.Stdin, stdout)
	case o.profile:
		return o.profiles(ctx, stdout)
	}
	m, err := measureMachine(ctx, o.time)
	if err != nil {
		return err
	}
	kept := newRecord(o.out, args, m, time.Now())
	if err := kept.write(); err != nil { // now, and not after all the work
		return err
	}
	if o.lanes != nil {
		return o.measureLanes(ctx, kept, stdout, stderr)
	}
	if o.against != "" {
		return o.compareAll(ctx, kept, stdout, stderr)
	}
	return o.measure(ctx, kept, stdout, stderr)
}

// measure measures all combinations. One that cannot be measured does not stop
// the others; the error lists them all.
func (o options) measure(ctx context.Context, kept *record, stdout, stderr io.Writer) error {
	var reports []report
	var failed []error
	for i, c := range o.combinations {
		if !o.json {
			fmt.Fprintf(stderr, "%d of %d: %v\n", i+1, len(o.combinations), c)
		}
		r, err := o.report(ctx, c, kept.Machine)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if o.json {
			if err := json.NewEncoder(stdout).Encode(r); err != nil {
				return err
			}
		}
		reports = append(reports, r)
		kept.Results = append(kept.Results, sampled{r, r.samples})
		if err := kept.write(); err != nil {
			return err
		}
	}
	if !o.json {
		failed = append(failed, writeTable(stdout, kept.Machine, reports, o.compare != ""))
	}
	return errors.Join(failed...)
}

// report is all that is said about a combination.
type report struct {
	combination
	started
	figures
	PeakShare float64 `json:"peak_share,omitempty"` // of one thread's peak, that a CPU-second reaches; 0 where that is unknown
	machine
	GorgoniaImagesPerSecond float64 `json:"gorgonia_images_per_second,omitempty"` // 0 unless compared
	GorgoniaRatio           float64 `json:"gorgonia_ratio,omitempty"`             // our images a second to Gorgonia's

	samples []float64 // milliseconds
}

// report measures a combination, and the machine's peak in the same minute.
func (o options) report(ctx context.Context, c combination, m machine) (report, error) {
	r := report{combination: c, machine: m}
	if err := r.machine.measurePeak(ctx, min(o.time, peakTime)); err != nil {
		return r, err
	}
	var err error
	var t turn
	if r.started, t, err = o.inChild(ctx, engineOurs, c); err != nil {
		return r, err
	}
	r.Output = nil // nobody to compare it with
	r.figures, r.samples = t.figures(r.Images, r.MulAdds), t.Samples
	r.PeakShare = r.MulAddsPerCPUSecond / r.PeakMulAdds
	if o.compare == "" || !c.hasRival() {
		return r, nil
	}
	_, t, err = o.inChild(ctx, engineGorgonia, c)
	if err != nil {
		return r, err
	}
	rival := t.figures(r.Images, r.MulAdds)
	r.GorgoniaImagesPerSecond = rival.ImagesPerSecond
	r.GorgoniaRatio = r.ImagesPerSecond / rival.ImagesPerSecond
	return r, nil
}

// inChild measures a combination in one turn of a process of its own.
func (o options) inChild(ctx context.Context, engine string, c combination) (started, turn, error) {
	warm(c.Model)
	p, err := o.ours(ctx, engine, c)
	if err != nil {
		return started{}, turn{}, about(ctx, c, err)
	}
	t, err := p.turn(o.time)
	if err == nil {
		err = p.end()
	}
	return p.started, t, about(ctx, c, err)
}

// warm reads a file once, so that its loading is measured from the system's cache
// whether it was there or not. If it cannot be read the child says so.
func warm(model string) {
	f, err := os.Open(model)
	if err != nil {
		return // a name, or the child's error
	}
	defer f.Close()
	_, _ = io.Copy(io.Discard, f)
}
