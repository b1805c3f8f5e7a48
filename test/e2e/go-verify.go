// Verifies chains with Go's crypto/x509, one per line of standard input, and prints "ok" or why not, one line each.
// A line is four fields: the time in seconds since 1970, and leaf, intermediates and roots as base64 DER joined by commas.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

func certificates(field string) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for _, text := range strings.Split(field, ",") {
		if text == "" {
			continue
		}
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		found = append(found, certificate)
	}
	return found, nil
}

func pool(field string) (*x509.CertPool, error) {
	found, err := certificates(field)
	if err != nil {
		return nil, err
	}
	made := x509.NewCertPool()
	for _, certificate := range found {
		made.AddCert(certificate)
	}
	return made, nil
}

func verify(line string) error {
	fields := strings.Split(line, " ")
	seconds, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return err
	}
	leaf, err := certificates(fields[1])
	if err != nil {
		return err
	}
	intermediates, err := pool(fields[2])
	if err != nil {
		return err
	}
	roots, err := pool(fields[3])
	if err != nil {
		return err
	}
	_, err = leaf[0].Verify(x509.VerifyOptions{
		Intermediates: intermediates,
		Roots:         roots,
		CurrentTime:   time.Unix(seconds, 0),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if err := verify(lines.Text()); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok")
		}
	}
}
