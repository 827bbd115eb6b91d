package tapenet

import (
	"context"
	_ "embed"
	"io"

	"tapenet/cmd/internal/cli"
)

// licences are those of the modules that the program is linked with, and of Go's library;
// a test holds them to be those of the modules.
//
//go:embed licences.txt
var licences string

// printLicences prints them.
func printLicences(_ context.Context, args []string, stdout, _ io.Writer) error {
	f := cli.Flags("licences", "", "Prints the licences of the modules that this program is made of.", stdout)
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := f.NoArguments(); err != nil {
		return err
	}
	_, err := io.WriteString(stdout, licences)
	return err
}
