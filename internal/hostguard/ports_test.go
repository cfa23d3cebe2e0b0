package hostguard

import (
	"slices"
	"strings"
	"testing"
)

func TestParsePortRange(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in, want, problem string
	}{
		{name: "range", in: "30000:32767", want: "30000:32767"},
		{name: "single port", in: "443", want: "443"},
		{name: "range of one", in: "443:443", want: "443"},
		{name: "whole", in: "1:65535", want: "1:65535"},
		{name: "leading zero", in: "080", want: "80"},
		{name: "reversed", in: "32767:30000", problem: "write 30000:32767"},
		{name: "zero", in: "0:10", problem: "from 1 to 65535"},
		{name: "too high", in: "65536", problem: "from 1 to 65535"},
		{name: "too high at the end", in: "1:65536", problem: "from 1 to 65535"},
		{name: "dash", in: "30000-32767", problem: "30000:32767"},
		{name: "blanks", in: "1: 2", problem: "from 1 to 65535"},
		{name: "sign", in: "+1", problem: "from 1 to 65535"},
		{name: "no end", in: "1:", problem: "from 1 to 65535"},
		{name: "three", in: "1:2:3", problem: "from 1 to 65535"},
		{name: "empty", in: "", problem: "from 1 to 65535"},
		{name: "name", in: "http", problem: "from 1 to 65535"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParsePortRange(test.in)
			if test.problem != "" {
				if err == nil || !strings.Contains(err.Error(), test.problem) {
					t.Fatalf("ParsePortRange(%q) = %v, %v; want an error with %q", test.in, got, err, test.problem)
				}
				return
			}
			if err != nil || got.String() != test.want {
				t.Errorf("ParsePortRange(%q) = %v, %v; want %s", test.in, got, err, test.want)
			}
		})
	}
}

func TestPortsHaveOneForm(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		in, want []string
	}{
		{"sorted", []string{"80", "22"}, []string{"22", "80"}},
		{"adjacent", []string{"30000:31000", "31001:32767"}, []string{"30000:32767"}},
		{"overlapping", []string{"10:20", "15:30", "18"}, []string{"10:30"}},
		{"apart", []string{"10:20", "22:30"}, []string{"10:20", "22:30"}},
		{"up to the end", []string{"65535", "1:65535"}, []string{"1:65535"}},
		{"none", nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := mustPorts(t, test.in...)
			if !slices.Equal(got.Texts(), test.want) {
				t.Errorf("PortsOf(%v) = %v, want %v", test.in, got.Texts(), test.want)
			}
		})
	}
}

func TestPortsContain(t *testing.T) {
	t.Parallel()
	set := mustPorts(t, "22", "30000:32767")
	for port, want := range map[uint16]bool{21: false, 22: true, 23: false, 29999: false, 30000: true, 32767: true, 32768: false} {
		if got := set.Contains(port); got != want {
			t.Errorf("Contains(%d) = %t, want %t", port, got, want)
		}
	}
}

func mustPorts(t *testing.T, texts ...string) Ports {
	t.Helper()
	var ranges []PortRange
	for _, s := range texts {
		r, err := ParsePortRange(s)
		if err != nil {
			t.Fatal(err)
		}
		ranges = append(ranges, r)
	}
	return PortsOf(ranges)
}
