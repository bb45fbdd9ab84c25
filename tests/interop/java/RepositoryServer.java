import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.HashMap;
import java.util.Map;
import javax.jws.WebService;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;
import javax.xml.ws.BindingType;
import javax.xml.ws.Endpoint;
import javax.xml.ws.soap.Addressing;
import javax.xml.ws.soap.MTOM;
import javax.xml.ws.soap.SOAPBinding;
import xdsb.ProvideAndRegisterDocumentSetRequest;
import xdsb.RegistryResponse;
import xdsb.Repository;
import xdsb.RetrieveDocumentSetRequest;
import xdsb.RetrieveDocumentSetResponse;

/** A document repository made by wsimport: it keeps what ITI-41 brings, by entry id, and ITI-43 hands it back. */
@WebService(endpointInterface = "xdsb.Repository", targetNamespace = "urn:ihe:iti:xds-b:2007",
    serviceName = "RepositoryService", portName = "RepositoryPort")
@BindingType(SOAPBinding.SOAP12HTTP_BINDING)
@MTOM(threshold = 0)
@Addressing(required = true)
public class RepositoryServer implements Repository {
  private static final String SUCCESS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType:Success";
  private final Map<String, byte[]> kept = new HashMap<>();

  @Override
  public synchronized RegistryResponse provide(ProvideAndRegisterDocumentSetRequest request) {
    for (ProvideAndRegisterDocumentSetRequest.Document document : request.getDocument()) {
      kept.put(document.getId(), document.getValue());
    }
    return success();
  }

  @Override
  public synchronized RetrieveDocumentSetResponse retrieve(RetrieveDocumentSetRequest request) {
    RetrieveDocumentSetResponse answer = new RetrieveDocumentSetResponse();
    answer.setRegistryResponse(success());
    for (RetrieveDocumentSetRequest.DocumentRequest asked : request.getDocumentRequest()) {
      RetrieveDocumentSetResponse.DocumentResponse found = new RetrieveDocumentSetResponse.DocumentResponse();
      found.setRepositoryUniqueId(asked.getRepositoryUniqueId());
      found.setDocumentUniqueId(asked.getDocumentUniqueId());
      found.setMimeType("text/xml");
      found.setDocument(kept.get(asked.getDocumentUniqueId()));
      answer.getDocumentResponse().add(found);
    }
    return answer;
  }

  private static RegistryResponse success() {
    RegistryResponse response = new RegistryResponse();
    response.setStatus(SUCCESS);
    return response;
  }

  /** Arguments: key store, trust store (PKCS #12), their password; prints the port, then serves until it is ended. */
  public static void main(String[] arguments) throws Exception {
    char[] password = arguments[2].toCharArray();
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(store(arguments[0], password), password);
    TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
    trust.init(store(arguments[1], password));
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    HttpsServer server = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(context) {
      @Override
      public void configure(HttpsParameters parameters) {
        SSLParameters wanted = context.getDefaultSSLParameters();
        wanted.setNeedClientAuth(true);
        parameters.setSSLParameters(wanted);
      }
    });
    Endpoint.create(new RepositoryServer()).publish(server.createContext("/services/repository"));
    server.start();
    System.out.println(server.getAddress().getPort());
    System.out.flush();
    Thread.currentThread().join();
  }

  private static KeyStore store(String file, char[] password) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream bytes = Files.newInputStream(Path.of(file))) {
      store.load(bytes, password);
    }
    return store;
  }
}
