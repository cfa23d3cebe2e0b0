package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// screen is what the audience sees. Parts of the demo that run at the same time
// may write to it.
type screen struct {
	to      io.Writer
	colours bool
	started time.Time

	mu sync.Mutex
}

func newScreen(to *os.File) *screen {
	info, err := to.Stat()
	colours := err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return &screen{to: to, colours: colours, started: time.Now()}
}

// ANSI codes of the few styles that are used.
const (
	bold  = "1"
	green = "32"
	amber = "33"
	grey  = "90"
)

func (s *screen) style(code, text string) string {
	if !s.colours {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.to, text)
}

// heading opens an act.
func (s *screen) heading(number int, title string) {
	s.print("\n" + s.style(bold, fmt.Sprintf("%d. %s", number, title)))
}

// done closes an act with the time it took.
func (s *screen) done(took time.Duration) {
	s.print(s.style(grey, fmt.Sprintf("   %s", seconds(took))))
}

// line is one thing that happened.
func (s *screen) line(format string, arguments ...any) {
	s.print("   " + fmt.Sprintf(format, arguments...))
}

// timed is one thing that happened and the time it took.
func (s *screen) timed(what string, took time.Duration) {
	s.print(fmt.Sprintf("   %-56s %s", what, s.style(grey, fmt.Sprintf("%9s", seconds(took)))))
}

// good is something that was checked and holds.
func (s *screen) good(format string, arguments ...any) {
	s.print("   " + s.style(green, "✓") + " " + fmt.Sprintf(format, arguments...))
}

// command is what a person would type for what comes next.
func (s *screen) command(text string) {
	s.print("   " + s.style(grey, "$ "+text))
}

// warning is something that Terraform warned of.
func (s *screen) warning(summary, detail string) {
	s.print("   " + s.style(amber, "! "+summary))
	for line := range strings.Lines(strings.TrimSpace(detail)) {
		if line = strings.TrimSpace(line); line != "" {
			s.print("     " + s.style(grey, line))
		}
	}
}

// table shows rows under a header.
func (s *screen) table(header []string, rows [][]string) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		fmt.Fprintln(w, "   "+strings.Join(row, "\t"))
	}
	if w.Flush() != nil {
		return // a string builder takes everything
	}
	head, body, _ := strings.Cut(text.String(), "\n")
	s.print(s.style(grey, strings.TrimRight(head, " ")) + "\n" + strings.TrimRight(body, "\n"))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
