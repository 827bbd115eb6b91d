package train

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"tapenet/train"
)

// terminal opens a pseudoterminal of so many columns. What is written to tty
// can be read from screen.
func terminal(t *testing.T, columns uint16) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudoterminals here: ", err)
	}
	t.Cleanup(func() { screen.Close() })
	fd := int(screen.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: columns})
	}
	if err == nil {
		tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return screen, tty
}

// TestTerminal runs the command on a terminal and looks at all that it shows.
func TestTerminal(t *testing.T) {
	for _, columns := range []int{80, 100} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			screen, tty := terminal(t, uint16(columns))
			c := command(t, quick(t, "-limit", "1000", "-epochs", "2", "-out", filepath.Join(t.TempDir(), "x"))...)
			c.Stdout, c.Stderr = tty, tty
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			tty.Close()
			var shown bytes.Buffer
			io.Copy(&shown, screen) // ends with EIO when the process has closed the terminal
			if code := wait(t, c, 5*time.Second); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, shown.String())
			}
			checkScreen(t, shown.String(), columns)
		})
	}
}

// bar is the progress line.
var bar = regexp.MustCompile(`^epoch \d/2  loss \d\.\d{4}  accuracy [01]\.\d{4}  \d+ images/s  [0-9.]+m?s(/[0-9.]+m?s)? left +\d+% \|[█ ]*\|`)

func checkScreen(t *testing.T, shown string, columns int) {
	t.Helper()
	bars, kept := 0, []string{}
	for line := range strings.SplitSeq(shown, "\r\n") {
		overwritten := strings.Split(line, "\r")
		for _, text := range overwritten {
			plain := strings.TrimRight(regexp.MustCompile(`\x1b\[\d?K`).ReplaceAllString(text, ""), " ")
			if !strings.Contains(plain, "|") {
				continue
			}
			bars++
			if !bar.MatchString(plain) {
				t.Errorf("the bar is %q, want it as %s", plain, bar)
			}
			if n := utf8.RuneCountInString(plain); n > columns {
				t.Errorf("the bar takes %d of %d columns: %q", n, columns, plain)
			}
		}
		if last := overwritten[len(overwritten)-1]; strings.HasPrefix(last, "epoch") {
			kept = append(kept, last)
		}
	}
	if bars < 4 {
		t.Errorf("%d pictures of the bar, want two for each epoch or more", bars)
	}
	if len(kept) != 2 || !strings.Contains(kept[0], "test accuracy") || !strings.Contains(kept[1], "test accuracy") {
		t.Errorf("%q stay on the screen, want the lines of two epochs", kept)
	}
	if !strings.Contains(shown, "\x1b[2K\repoch 1/2") {
		t.Errorf("the bar is not cleared before the epoch's line: %q", shown)
	}
}

// TestDescribe holds that the longest usual text leaves room for a bar of one
// block in 80 columns.
func TestDescribe(t *testing.T) {
	got := describe(train.Progress{Epoch: 10, Epochs: 10, Images: 10_000, Of: 60_000, Loss: 2.30259, Accuracy: 0.1, ImagesPerSecond: 12_345.6}, 80)
	if want := "epoch 10/10  loss 2.3026  accuracy 0.1000  12346 images/s  4s left"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	slow := describe(train.Progress{Epoch: 10, Epochs: 10, Images: 1, Of: 60_000, Loss: 2.30259, Accuracy: 0.1, ImagesPerSecond: 600}, 80)
	if n := len(slow + " 100% |#| "); n > 80 {
		t.Errorf("%q takes %d columns, want at most 80", slow, n)
	}
}

// TestDescribeWidth: the text and a bar of one block fit into few columns too,
// and the time left is that of the epoch and of the run.
func TestDescribeWidth(t *testing.T) {
	p := train.Progress{Epoch: 9, Epochs: 10, Images: 10_000, Of: 60_000, Loss: 2.30259, Accuracy: 0.1, ImagesPerSecond: 12_345.6}
	for _, tt := range []struct {
		columns int
		want    string
	}{
		{200, "epoch 9/10  loss 2.3026  accuracy 0.1000  12346 images/s  4s/9s left"},
		{78, "epoch 9/10  loss 2.3026  accuracy 0.1000  12346 images/s  4s/9s left"},
		{77, "epoch 9/10  loss 2.3026  accuracy 0.1000  4s/9s left"},
		{60, "epoch 9/10  loss 2.3026  4s/9s left"},
		{40, "epoch 9/10  4s/9s left"},
		{25, "epoch 9/10"},
		{3, "epoch 9/10"},
	} {
		if got := describe(p, tt.columns); got != tt.want {
			t.Errorf("%d columns: %q, want %q", tt.columns, got, tt.want)
		}
	}
}

// TestNarrowTerminal: nothing that overwrites itself is longer than a line.
func TestNarrowTerminal(t *testing.T) {
	for _, columns := range []int{30, 60} {
		screen, tty := terminal(t, uint16(columns))
		c := command(t, quick(t, "-limit", "1000", "-out", filepath.Join(t.TempDir(), "x"))...)
		c.Stdout, c.Stderr = tty, tty
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		tty.Close()
		var shown bytes.Buffer
		io.Copy(&shown, screen) // ends with EIO when the process has closed the terminal
		if code := wait(t, c, 5*time.Second); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, shown.String())
		}
		bars := 0
		for text := range strings.SplitSeq(strings.ReplaceAll(shown.String(), "\r\n", "\r"), "\r") {
			plain := regexp.MustCompile(`\x1b\[\d?K`).ReplaceAllString(text, "")
			if !strings.Contains(plain, "|") {
				continue
			}
			if bars++; utf8.RuneCountInString(plain) > columns {
				t.Errorf("the bar takes more than %d columns: %q", columns, plain)
			}
		}
		if bars < 2 {
			t.Errorf("%d pictures of the bar in %q", bars, shown.String())
		}
	}
}
