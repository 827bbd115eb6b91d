package torture

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"testing"
	"time"
)

// judge is a program that answers questions: a line of JSON comes in, a line goes out. It
// runs until the test ends, and is started anew where a question ended it.
type judge struct {
	command func() *exec.Cmd

	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	log bytes.Buffer // its standard error
}

func newJudge(t *testing.T, command func() *exec.Cmd) *judge {
	j := &judge{command: command}
	t.Cleanup(j.stop)
	return j
}

// patience is for questions that never end, not a measure of speed.
const patience = 5 * time.Minute

// ask asks a question. An error means that it ended the program.
func (j *judge) ask(question, answer any) error {
	if err := j.run(); err != nil {
		return err
	}
	alarm := time.AfterFunc(patience, func() { _ = j.cmd.Process.Kill() })
	defer alarm.Stop()
	line, err := json.Marshal(question)
	if err != nil {
		return err
	}
	_, err = j.in.Write(append(line, '\n'))
	if err == nil {
		line, err = j.out.ReadBytes('\n')
	}
	if err != nil {
		j.stop()
		return fmt.Errorf("%v: %v: %.2000s", j.cmd, err, j.log.String())
	}
	return json.Unmarshal(line, answer)
}

// run starts the program, unless it runs.
func (j *judge) run() (err error) {
	if j.in != nil {
		return nil
	}
	j.log.Reset()
	j.cmd = j.command()
	j.cmd.Stderr = &j.log
	in, err := j.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := j.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	j.in, j.out = in, bufio.NewReader(out)
	return j.cmd.Start()
}

func (j *judge) stop() {
	if j.in == nil {
		return
	}
	_ = j.in.Close() // the end of its questions
	j.in = nil
	alarm := time.AfterFunc(10*time.Second, func() { _ = j.cmd.Process.Kill() })
	defer alarm.Stop()
	_, _ = io.Copy(io.Discard, j.out)
	_ = j.cmd.Wait()
}

// rawOf is numbers as a question has them, little-endian; JSON makes text of the bytes.
func rawOf[T any](numbers []T) []byte {
	raw, err := binary.Append(nil, binary.LittleEndian, numbers)
	if err != nil {
		panic(err) // T has no fixed size
	}
	return raw
}

// numbersOf is rawOf backwards.
func numbersOf[T float32 | float64](raw []byte) []T {
	var one T
	numbers := make([]T, len(raw)/binary.Size(one))
	if _, err := binary.Decode(raw, binary.LittleEndian, numbers); err != nil {
		panic(err)
	}
	return numbers
}
