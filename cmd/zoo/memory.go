package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"tapenet/graph"
)

// showMemory writes what a network takes in both modes.
func showMemory(w io.Writer, build func(graph.Mode) (*graph.Model, error)) error {
	infer, err := memoryOf(graph.Infer, build)
	if err != nil {
		return err
	}
	train, err := memoryOf(graph.Train, build)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "memory in MB\tinference\ttraining")
	for _, row := range []struct {
		name         string
		infer, train int
	}{
		{"parameters", infer.Parameters, train.Parameters},
		{"state", infer.State, train.State},
		{"input and target", infer.Inputs, train.Inputs},
		{"output, loss, gradients of parameters", infer.Results, train.Results},
		{"other values", infer.Values, train.Values},
		{"workspaces", infer.Workspaces, train.Workspaces},
		{"total", infer.Total(), train.Total()},
	} {
		fmt.Fprintf(t, "%s\t%s\t%s\n", row.name, megabytes(row.infer), megabytes(row.train))
	}
	t.Flush()
	_, err = fmt.Fprintf(w, "Adam keeps two values more for each parameter, %s MB.\n", megabytes(2*train.Parameters))
	return err
}

// memoryOf builds a model and runs it until its ops have made their workspaces.
func memoryOf(mode graph.Mode, build func(graph.Mode) (*graph.Model, error)) (graph.Memory, error) {
	m, err := build(mode)
	if err != nil {
		return graph.Memory{}, err
	}
	for range 3 {
		if err := m.Run(); err != nil {
			return graph.Memory{}, err
		}
	}
	return m.Memory(), nil
}

// megabytes writes a number of bytes in millions.
func megabytes(n int) string { return fmt.Sprintf("%.2f", float64(n)/1e6) }
