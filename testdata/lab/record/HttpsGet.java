import java.io.InputStream;
import java.io.ByteArrayInputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Fetches a URL as a Java licence client would: HttpsGet URL PROTOCOL [CA.pem]. Without a CA, Java's own are trusted. */
public class HttpsGet {
    public static void main(String[] arguments) throws Exception {
        KeyStore trusted = null;
        if (arguments.length > 2) {
            trusted = KeyStore.getInstance("PKCS12");
            trusted.load(null, null);
            byte[] pem = Files.readAllBytes(Path.of(arguments[2]));
            trusted.setCertificateEntry("ca",
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(pem)));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance(arguments[1]);
        context.init(null, managers.getTrustManagers(), null);
        HttpsURLConnection connection = (HttpsURLConnection) new URL(arguments[0]).openConnection();
        connection.setSSLSocketFactory(context.getSocketFactory());
        connection.setRequestProperty("Connection", "close");
        try (InputStream body = connection.getInputStream()) {
            System.out.println(connection.getResponseCode() + " " + body.readAllBytes().length);
        }
    }
}
