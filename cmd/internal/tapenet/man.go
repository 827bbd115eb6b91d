package tapenet

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/weights"
)

// man writes a page for the program and one for each command.
func man(_ context.Context, args []string, stdout, _ io.Writer) error {
	f := cli.Flags("man", "DIR", "Writes man pages into a folder, tapenet.1 and one for each command; man DIR/tapenet-train.1 shows one, and in ~/.local/share/man/man1 man finds them.", stdout)
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != 1 {
		return cli.Usagef("man: %d folders, want one to write into, as in tapenet man ~/.local/share/man/man1", f.NArg())
	}
	commands, err := describe(Commands())
	if err != nil {
		return err
	}
	pages := map[string]string{cli.Program + ".1": programPage(commands)}
	for _, c := range commands {
		pages[cli.Program+"-"+c.Name()+".1"] = c.page()
	}
	dir := f.Arg(0)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("man: %w", err)
	}
	for name, page := range pages {
		write := func(w io.Writer) error { _, err := io.WriteString(w, page); return err }
		if err := weights.WriteFile(filepath.Join(dir, name), write); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(stdout, "%d pages in %s\n", len(pages), dir)
	return err
}

// programPage is the page of the program.
func programPage(commands []described) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1\n.SH NAME\n%s \\- train and serve image networks\n", strings.ToUpper(cli.Program), cli.Program)
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.I COMMAND\n[flags]\n.SH COMMANDS\n", cli.Program)
	for _, c := range commands {
		fmt.Fprintf(&b, ".TP\n.BR %s\\-%s (1)\n%s\n", cli.Program, c.Name(), roff(c.short))
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, e := range exits {
		fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", e.code, roff(e.means))
	}
	return b.String()
}

// page is the page of a command.
func (d described) page() string {
	var b strings.Builder
	name := cli.Program + "-" + d.Name()
	fmt.Fprintf(&b, ".TH %s 1\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", strings.ToUpper(roff(name)), roff(name), roff(d.short))
	for _, use := range d.Uses {
		fmt.Fprintf(&b, ".B %s %s\n%s\n.br\n", cli.Program, d.Name(), roff(use))
	}
	b.WriteString(".SH DESCRIPTION\n")
	for line := range strings.SplitSeq(d.Doc, "\n") {
		switch {
		case line == "":
			b.WriteString(".PP\n")
		case strings.HasPrefix(line, "  "):
			fmt.Fprintf(&b, ".nf\n%s\n.fi\n", roff(line))
		default:
			b.WriteString(roff(line) + "\n")
		}
	}
	for _, g := range d.Groups {
		title := "OPTIONS"
		if g.Title != "" {
			title = strings.ToUpper(g.Title)
		}
		fmt.Fprintf(&b, ".SH %s\n", roff(title))
		for _, fl := range g.Flags {
			fmt.Fprintf(&b, ".TP\n.BI \"\\-%s \" %s\n%s\n", roff(fl.Name), cli.Kind(fl), roff(cli.Meaning(fl)))
		}
	}
	fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", cli.Program)
	return b.String()
}

// roff is text as roff reads it: with hyphens that stay hyphens, and no line that is a
// request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
