package strongswan

import "testing"

func TestParseLog(t *testing.T) {
	t.Parallel()
	const (
		calling = "05[IKE] initiating IKE_SA k8s-conn[1] to 198.51.100.2\n"
		agreed  = "07[IKE] IKE_SA k8s-conn[1] established between 192.0.2.2[a]...198.51.100.2[b]\n"
		up      = "07[IKE] CHILD_SA k8s-conn{1} established with SPIs c1_i c2_o and TS 172.30.0.0/16 === 10.91.152.128/26\n"
		again   = "07[IKE] outbound CHILD_SA k8s-conn{2} established with SPIs c3_i c4_o and TS 172.30.0.0/16 === 10.91.152.128/26\n"
		closed  = "07[IKE] closing CHILD_SA k8s-conn{1} with SPIs c1_i (0 bytes) c2_o (0 bytes) and TS 172.30.0.0/16 === 10.91.152.128/26\n"
		rekeyed = "07[IKE] IKE_SA k8s-conn[2] rekeyed between 192.0.2.2[a]...198.51.100.2[b]\n"
		deleted = "07[IKE] deleting IKE_SA k8s-conn[1] between 192.0.2.2[a]...198.51.100.2[b]\n"
		silent  = "07[IKE] giving up after 5 retransmits\n"
	)
	for log, want := range map[string]string{
		"":                              "",
		"00[DMN] Starting\n":            "",
		calling:                         "CONNECTING",
		calling + silent:                "DOWN",
		agreed:                          "ESTABLISHED",
		agreed + up:                     "INSTALLED",
		up:                              "INSTALLED",
		agreed + up + closed:            "ESTABLISHED",
		agreed + up + again + closed:    "INSTALLED",
		agreed + up + rekeyed + deleted: "INSTALLED",
		agreed + up + deleted:           "DOWN",
		agreed + up + silent:            "DOWN",
	} {
		got := ""
		for _, c := range parseLog(log) {
			got += c.state
		}
		if got != want {
			t.Errorf("%q: %q, want %q", log, got, want)
		}
	}
}

func FuzzParseLog(f *testing.F) {
	f.Add("07[IKE] CHILD_SA k8s-conn{1} established with SPIs c1_i c2_o and TS 172.30.0.0/16 === 10.91.152.128/26\n")
	f.Add("05[IKE] initiating IKE_SA k8s-conn[1] to 198.51.100.2\n07[IKE] giving up after 5 retransmits\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range parseLog(text) {
			if c.name == "" || c.state == "" {
				t.Errorf("%+v", c)
			}
		}
	})
}
