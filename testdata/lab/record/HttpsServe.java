import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/**
 * Answers HTTPS requests as a Java service would: HttpsServe PORT KEYS.p12 PROTOCOL [suite=NAME] [name=SNI] [alpn=NAME] [clients].
 * `clients` asks for a client certificate and takes none.
 */
public class HttpsServe {
    private static final byte[] ANSWER = ("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n"
        + "Connection: close\r\n\r\n{\"licences\":[]}\n").getBytes(StandardCharsets.US_ASCII);

    public static void main(String[] arguments) throws Exception {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        try (InputStream file = new FileInputStream(arguments[1])) {
            keys.load(file, "password".toCharArray());
        }
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(keys, "password".toCharArray());
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), null, null);
        SSLServerSocket listener =
            (SSLServerSocket) context.getServerSocketFactory().createServerSocket(Integer.parseInt(arguments[0]));
        SSLParameters parameters = listener.getSSLParameters();
        parameters.setProtocols(new String[] {arguments[2]});
        for (int i = 3; i < arguments.length; i++) {
            String[] option = arguments[i].split("=");
            switch (option[0]) {
                case "suite" -> parameters.setCipherSuites(new String[] {option[1]});
                case "name" -> parameters.setSNIMatchers(List.of(SNIHostName.createSNIMatcher(option[1])));
                case "alpn" -> parameters.setApplicationProtocols(new String[] {option[1]});
                case "clients" -> parameters.setNeedClientAuth(true);
                default -> throw new IllegalArgumentException(arguments[i]);
            }
        }
        listener.setSSLParameters(parameters);
        System.out.println("ready");
        while (true) {
            try (SSLSocket socket = (SSLSocket) listener.accept()) {
                socket.startHandshake();
                if (socket.getInputStream().read(new byte[4096]) > 0) {
                    OutputStream out = socket.getOutputStream();
                    out.write(ANSWER);
                    out.flush();
                }
                // Nothing is left unread when the socket closes, so that no RST follows.
                socket.shutdownOutput();
                while (socket.getInputStream().read(new byte[4096]) > 0) {
                }
            } catch (IOException error) {
                System.out.println(error.getMessage());
            }
        }
    }
}
