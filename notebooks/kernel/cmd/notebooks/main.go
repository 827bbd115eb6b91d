// Notebooks executes notebooks in the kernel that cmd/kernel builds and writes
// them with their outputs:
//
//	go run ./cmd/notebooks -kernel ../../bin/gophernotes -out executed ../*.ipynb
//
// Without -out it writes them where they are. It ends with the first error of a
// cell, and says how long each notebook took. Interrupted or asked to end, it
// ends the kernel first.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"tapenet/notebooks/kernel/jupyter"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "notebooks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("notebooks", flag.ContinueOnError)
	flags.SetOutput(stderr)
	kernel := flags.String("kernel", "../../bin/gophernotes", "the kernel's `file`")
	out := flags.String("out", "", "`folder` for the notebooks with their outputs; their own if empty")
	limit := flags.Duration("limit", 0, "time for a notebook; 0 means 10 minutes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("no notebook to execute")
	}
	bin, err := filepath.Abs(*kernel)
	if err != nil {
		return err
	}
	if _, err := os.Stat(bin); err != nil {
		return fmt.Errorf("%w; build the kernel first: make kernel", err)
	}
	for _, notebook := range flags.Args() {
		to := notebook
		if *out != "" {
			to = filepath.Join(*out, filepath.Base(notebook))
		}
		start := time.Now()
		if err := (jupyter.Runner{Kernel: bin, Notebook: *limit}).Execute(ctx, notebook, to); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s: %.0f s\n", filepath.Base(notebook), time.Since(start).Seconds())
	}
	return nil
}
