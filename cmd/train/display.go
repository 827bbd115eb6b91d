package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"tapenet/graph"
	"tapenet/train"
	"tapenet/train/data"
)

// display shows a run to a person, or with -json to a program: then stdout has
// one line of JSON for each epoch and everything else goes to stderr.
type display struct {
	options
	people   io.Writer // for people to read
	program  io.Writer // for JSON, nil without -json
	terminal bool      // whether people sit at a terminal
	bar      *progressbar.ProgressBar
}

func newDisplay(o options, stdout, stderr io.Writer) *display {
	d := &display{options: o, people: stdout}
	if o.json {
		d.people, d.program = stderr, stdout
	}
	if f, ok := d.people.(*os.File); ok {
		d.terminal = term.IsTerminal(int(f.Fd()))
	}
	return d
}

func (d *display) printf(format string, args ...any) { fmt.Fprintf(d.people, format, args...) }

// begin shows what will be trained.
func (d *display) begin(net graph.Layer, set data.Dataset) error {
	table, err := summary(net, set, d.options.batch)
	if err != nil {
		return err
	}
	d.printf("%s\n%s: %d training and %d test images of %v, %d classes\n",
		table, set.Name, set.Train.Len(), set.Test.Len(), set.Shape, len(set.Classes))
	return nil
}

// batch moves the progress bar, on a terminal.
func (d *display) batch(p train.Progress) {
	if !d.terminal {
		return
	}
	if d.bar == nil {
		d.bar = progressbar.NewOptions(p.Of,
			progressbar.OptionSetWriter(d.people),
			progressbar.OptionSetWidth(24), // less on a narrow terminal
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionSetPredictTime(false), // its rate would count what an earlier run has done
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionUseANSICodes(true), // clears all of the line, a ^C too
		)
	}
	d.bar.Describe(describe(p))
	d.bar.Set(p.Images)
}

// describe is the text beside the bar. It leaves room for a bar in 80 columns.
func describe(p train.Progress) string {
	left := time.Duration(float64(p.Of-p.Images) / p.ImagesPerSecond * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("epoch %d/%d  loss %.4f  accuracy %.4f  %.0f images/s  %v left",
		p.Epoch, p.Epochs, p.Loss, p.Accuracy, p.ImagesPerSecond, left)
}

// epoch prints an epoch's line.
func (d *display) epoch(e train.Epoch) {
	d.clear()
	d.printf("epoch %d/%d  loss %.4f  accuracy %.4f  test loss %.4f  test accuracy %.4f  %.0f images/s\n",
		e.Epoch, d.epochs, e.Loss, e.Accuracy, e.ValLoss, e.ValAccuracy, e.ImagesPerSecond)
	if d.program != nil {
		json.NewEncoder(d.program).Encode(e)
	}
}

func (d *display) clear() {
	if d.bar != nil {
		d.bar.Clear()
		d.bar = nil
	}
}

// end says what is in the folder, or how to go on.
func (d *display) end(err error) {
	d.clear()
	switch {
	case err == nil:
		d.printf("the model is in %s; its curves are in %s\n",
			filepath.Join(d.out, train.ModelFile), filepath.Join(d.out, train.CurvesFile))
	case errors.Is(err, context.Canceled):
		d.printf("saved %s; the same command with -resume goes on from here\n", filepath.Join(d.out, train.CheckpointFile))
	}
}
