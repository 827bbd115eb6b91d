// Package inspect is how commands look at a dataset's pictures before they use them.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"tapenet/cmd/internal/cli"
	"tapenet/cmd/internal/screen"
	"tapenet/train/data"
)

// Pictures is data.Inspect that shows its progress on w. It writes to w what
// is not read, and how fast the pictures were. Pictures that are too many to be kept are
// not looked at before, unless damaged ones are to be skipped.
func Pictures(ctx context.Context, d data.Dataset, skipDamaged bool, w io.Writer) (data.Dataset, error) {
	if !d.Kept() && !skipDamaged {
		cli.Notes(w, append(d.Notes, "the pictures are too many to be kept: they are unpacked in every epoch, and a damaged one is found when its turn comes"))
		return d, nil
	}
	pictures, start, shown := 0, time.Now(), screen.NewProgress(w, true)
	d, err := data.Inspect(ctx, d, data.Inspection{Skip: skipDamaged, Progress: func(done, all int) {
		pictures = all
		shown.Show(done, all, screen.Named("reading pictures"))
	}})
	shown.Clear()
	if errors.Is(err, data.ErrDamaged) && !skipDamaged {
		err = fmt.Errorf("%w; -skip-damaged goes on without them", err)
	}
	if err != nil {
		return d, err
	}
	cli.Notes(w, d.Notes)
	if pictures > 0 {
		took := time.Since(start)
		fmt.Fprintf(w, "read %d pictures in %v, %.0f a second\n", pictures, took.Round(time.Millisecond), float64(pictures)/took.Seconds())
	}
	return d, nil
}
