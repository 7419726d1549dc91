/** npm's registry is reached by TLS: ava.config.js takes the certificates away from all other tests. */
const certificates = process.env.REBIND_TEST_CA_CERTS
if (certificates !== undefined) process.env.NODE_EXTRA_CA_CERTS = certificates
