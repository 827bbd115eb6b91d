package train

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"tapenet/cmd/internal/cli"
	"tapenet/graph/regular"
	"tapenet/graph/weights"
	"tapenet/train"
	"tapenet/train/report"
)

// configFile is the name of a run's settings in its folder.
const configFile = report.ConfigFile

// The first line of that file. repeats: the settings never changed, nor the
// arithmetic, so the file reproduces the run. changed: the run went on with others,
// so the file does not.
const (
	repeats = report.Repeats
	changed = "# The settings with which this run last went on; the lines below say where, and what was before.\n"
)

// wentOn begins a line that says where a run went on.
const wentOn = "# went on after "

// rounded ends such a line where the run went on in another arithmetic.
const rounded = ", in another arithmetic"

// saveSettings writes the settings of a run that begins or goes on.
func (o options) saveSettings(p train.Progress, show *display) error {
	if o.resume {
		return o.settings.goOn(o.out, p, show)
	}
	return o.settings.begin(o.out, show)
}

// begin writes the settings into a new run's folder. A file of that name that is
// there already is kept under another one.
func (s settings) begin(dir string, show *display) error {
	path := filepath.Join(dir, configFile)
	text, err := s.text(nil)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		if old, err := regular.Read(path, len(text)); err == nil && bytes.Equal(old, text) {
			return nil
		}
		if err := setAside(path, "", show); err != nil {
			return err
		}
	}
	return writeText(path, text)
}

// setAside moves a file of settings to a name that is free.
func setAside(path, why string, show *display) error {
	to := free(strings.TrimSuffix(path, "toml"), ".toml")
	if err := os.Rename(path, to); err != nil {
		return fmt.Errorf("train: settings: %w", err)
	}
	show.printf("moved the earlier %s to %s%s\n", path, to, why)
	return nil
}

// goOn writes the settings with which a run goes on into its folder, and keeps
// the comments there. One that is complete trains for no other number of epochs.
// The run does not need the file that is there: one that cannot be read is moved.
func (s settings) goOn(dir string, p train.Progress, show *display) error {
	path := filepath.Join(dir, configFile)
	old, err := readConfig(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if err := setAside(path, fmt.Sprintf(", as it cannot be read (%v); the run goes on", err), show); err != nil {
			return err
		}
	}
	complete := p.Epoch > p.Epochs
	if complete && old["epochs"] != nil {
		s = maps.Clone(s)
		s["epochs"] = old["epochs"]
	}
	changes := s.changes(old)
	if complete && changes == "" && old != nil {
		return nil
	}
	where := fmt.Sprintf("epoch %d", p.Epoch-1)
	if p.Images > 0 {
		where = fmt.Sprintf("%d of %d images of epoch %d", p.Images, p.Of, p.Epoch)
	}
	if p.Rounding != "" {
		changes += rounded
	}
	text, err := s.text(append(comments(path), wentOn+where+changes+"\n"))
	if err != nil {
		return err
	}
	return writeText(path, text)
}

// changes says in which settings s is not as old, as flags.
func (s settings) changes(old settings) string {
	var all []string
	for name, v := range s.forTOML() {
		if was := old[name]; was != nil && fmt.Sprint(was) != fmt.Sprint(v) {
			all = append(all, fmt.Sprintf("-%s %s instead of %s", name, quoted(v), quoted(was)))
		}
	}
	if all == nil {
		return ""
	}
	slices.Sort(all)
	return " with " + strings.Join(all, ", ")
}

// quoted is a setting as text of one line.
func quoted(v any) string {
	if text, ok := v.(string); ok {
		return fmt.Sprintf("%q", text)
	}
	return fmt.Sprint(v)
}

// comments returns the comment lines of a file but those that text writes.
func comments(path string) (lines []string) {
	content, _ := os.ReadFile(path) // readConfig has read it, or it is not there
	for line := range strings.Lines(string(content)) {
		if strings.HasPrefix(line, "#") && line != repeats && line != changed {
			lines = append(lines, strings.TrimRight(line, "\r\n")+"\n")
		}
	}
	return lines
}

// printSettings prints the file of a run that would begin. Settings that no run can have
// are an error.
func (o options) printSettings(stdout io.Writer) error {
	if _, _, _, err := o.fit(); err != nil {
		return err
	}
	text, err := o.settings.text(nil)
	if err == nil {
		_, err = stdout.Write(text)
	}
	return err
}

// text is the content of the file, with comment lines.
func (s settings) text(comments []string) ([]byte, error) {
	first := repeats
	for _, line := range comments {
		if strings.HasPrefix(line, wentOn) && (strings.Contains(line, " with -") || strings.HasSuffix(line, rounded+"\n")) {
			first = changed
		}
	}
	var b bytes.Buffer
	b.WriteString(first + strings.Join(comments, ""))
	err := toml.NewEncoder(&b).Encode(s.forTOML())
	return b.Bytes(), err
}

func writeText(path string, text []byte) error {
	return weights.WriteFile(path, func(w io.Writer) error { _, err := w.Write(text); return err })
}

// forTOML returns the settings with large integers, which TOML has not, as text.
func (s settings) forTOML() map[string]any {
	all := maps.Clone(s)
	for name, v := range all {
		if n, ok := v.(uint64); ok && n > math.MaxInt64 {
			all[name] = fmt.Sprint(n)
		}
	}
	return all
}

// listed are the settings for a run's page.
func (o options) listed() (all []report.Setting) {
	f := cli.Flags("", "", "", io.Discard)
	new(options).settingFlags(f)
	for _, name := range o.settings.names() {
		v := fmt.Sprint(o.settings[name])
		all = append(all, report.Setting{Name: name, Value: v, Default: v == f.Lookup(name).DefValue})
	}
	return all
}
