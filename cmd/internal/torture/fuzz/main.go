// Command fuzz runs the project's fuzz targets, one after the other, a given time each.
//
//	go run ./cmd/internal/torture/fuzz -time 10m                        # all; goes on where it was stopped
//	go run ./cmd/internal/torture/fuzz -time 10m -target keras.FuzzRead # those whose names end so
//	go run ./cmd/internal/torture/fuzz -seeds                           # choose seeds from what it has found
//
// It keeps what it knows in a folder, bin/fuzz: test binaries, the inputs that reached
// new code, with which the next run begins, and a record of which target has had how much
// time at which commit. It ends with the record as a table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir := flag.String("dir", "bin/fuzz", "`folder` of binaries, inputs and the record")
	each := flag.Duration("time", 30*time.Second, "how long each target runs")
	name := flag.String("target", "", "run the targets alone whose `name` ends so")
	seeds := flag.Bool("seeds", false, "put inputs that add coverage into testdata/fuzz, instead of looking for more")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("argument %q: want flags alone", flag.Arg(0))
	}
	folder, err := filepath.Abs(*dir)
	if err != nil {
		return err
	}
	targets, err := find(ctx, *name)
	if err != nil {
		return err
	}
	if *seeds {
		return chooseAll(ctx, folder, targets)
	}
	return fuzzAll(ctx, folder, targets, *each)
}

// fuzzAll gives each target the time that it lacks.
func fuzzAll(ctx context.Context, folder string, targets []target, each time.Duration) error {
	file := filepath.Join(folder, "record.json")
	all, err := readRecords(file)
	if err != nil {
		return err
	}
	var broken []error
	for _, t := range targets {
		r := all.of(t.String())
		if left := each - r.had(); left > 0 && ctx.Err() == nil {
			fmt.Printf("%s: %v\n", t, left.Round(time.Second))
			if err := t.fuzz(ctx, folder, left, r); err != nil && ctx.Err() == nil {
				broken = append(broken, err)
				continue
			}
			if err := all.write(file); err != nil {
				return err
			}
		}
		if r.Crasher != "" {
			broken = append(broken, fmt.Errorf("%s fails at %s: mend what it shows, and keep it as a seed", t, r.Crasher))
		}
	}
	all.table(os.Stdout)
	return errors.Join(append(broken, ctx.Err())...)
}
