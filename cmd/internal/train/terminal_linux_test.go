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
var bar = regexp.MustCompile(`^epoch \d/2  loss \d\.\d{4}  accuracy [01]\.\d{4}(  \d+ images/s)?  [0-9.]+m?s(/[0-9.]+m?s)? left +\d+% \|[█ ]{8,}\|`)

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
	if len(kept) != 2 || !strings.Contains(kept[0], "test ") || !strings.Contains(kept[1], "test ") {
		t.Errorf("%q stay on the screen, want the lines of two epochs", kept)
	}
	for line := range strings.SplitSeq(regexp.MustCompile(`\x1b\[\d?K`).ReplaceAllString(shown, ""), "\n") {
		text := strings.TrimSpace(line[strings.LastIndexByte(strings.TrimRight(line, "\r"), '\r')+1:])
		if n := utf8.RuneCountInString(text); n > columns && strings.Contains(text, " ") {
			t.Errorf("a line takes %d of %d columns: %q", n, columns, text)
		}
	}
	if !strings.Contains(shown, "\x1b[2K\repoch 1/2") {
		t.Errorf("the bar is not cleared before the epoch's line: %q", shown)
	}
}

// TestDescribeWidth: the text fits into few columns too, and the time left is that of the
// epoch and of the run.
func TestDescribeWidth(t *testing.T) {
	p := train.Progress{Epoch: 9, Epochs: 10, Images: 10_000, Of: 60_000, Loss: 2.30259, Accuracy: 0.1, ImagesPerSecond: 12_345.6}
	for _, tt := range []struct {
		columns int
		want    string
	}{
		{200, "epoch 9/10  loss 2.3026  accuracy 0.1000  12346 images/s  4s/9s left"},
		{68, "epoch 9/10  loss 2.3026  accuracy 0.1000  12346 images/s  4s/9s left"},
		{67, "epoch 9/10  loss 2.3026  accuracy 0.1000  4s/9s left"},
		{50, "epoch 9/10  loss 2.3026  4s/9s left"},
		{30, "epoch 9/10  4s/9s left"},
		{15, "epoch 9/10"},
		{3, "epoch 9/10"},
	} {
		if got := describe(p, tt.columns); got != tt.want {
			t.Errorf("%d columns: %q, want %q", tt.columns, got, tt.want)
		}
	}
}

// TestEpochLine: an epoch fits into 80 columns, and a slow network has a speed.
func TestEpochLine(t *testing.T) {
	e := train.Epoch{Epoch: 10, Loss: 0.0123, Accuracy: 0.9967, ValLoss: 0.0412, ValAccuracy: 0.9876, ImagesPerSecond: 0.347}
	d := &display{options: options{epochs: 10, adversarial: "none"}, part: "validation"}
	for columns, want := range map[int]string{
		200: "epoch 10/10  loss 0.0123  accuracy 0.9967  validation loss 0.0412  validation accuracy 0.9876  0.35 images/s",
		100: "epoch 10/10  loss 0.0123  accuracy 0.9967  validation loss 0.0412  validation accuracy 0.9876",
		80:  "epoch 10/10  loss 0.0123, validation 0.0412  accuracy 0.9967, validation 0.9876",
	} {
		if got := d.epochLine(e, columns); got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
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
