// Command table prints the records of a full run of the campaign as the table of its README.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"tapenet/cmd/internal/torture"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "table: want the folder of the records, as in bin/torture")
		os.Exit(2)
	}
	if err := write(os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

// write writes a line for each record of a folder.
func write(w io.Writer, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("no record in %s: want make torture first", dir)
	}
	fmt.Fprintln(w, "| test | failure | guarantee | tried | held | how they ended | took | date | commit | system |")
	fmt.Fprintln(w, "|---|---|---|---:|---:|---|---:|---|---|---|")
	for _, file := range files {
		r, err := torture.Read(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "| %s | %s | %s | %d of %d | %d | %s | %.0f min | %s | %s | %s |\n", r.Part.Name, r.Part.Failure, r.Part.Guarantee,
			r.Tried, r.Part.Full, r.Tried-len(r.Broken), torture.Text(r.Outcomes), r.Seconds/60, r.Date, r.Commit, r.System)
	}
	return nil
}
